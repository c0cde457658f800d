"""Metrics, traces and logs; nothing is created at import."""
