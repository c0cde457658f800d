"""Durable jobs: enqueued in a transaction, run at least once, ended exactly once."""
