"""Outbound HTTP requests made for users, to allowed addresses only."""
