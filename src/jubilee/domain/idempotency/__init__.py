"""Idempotency keys: a repeated request has one effect and gets the answer of the first."""
