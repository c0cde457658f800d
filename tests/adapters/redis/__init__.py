"""Connections to Redis: URLs, TLS, Sentinel, and causes of failure."""
