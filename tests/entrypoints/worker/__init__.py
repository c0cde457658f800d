"""The worker process and its parts."""
