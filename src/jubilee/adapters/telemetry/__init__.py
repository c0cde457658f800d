"""What operators see: metrics, traces and logs; nothing here is made at import."""
