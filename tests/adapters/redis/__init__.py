"""The connections to Redis: URLs, TLS, Sentinel, and why they fail."""
