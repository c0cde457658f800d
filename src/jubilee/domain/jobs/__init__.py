"""Durable work: what must happen after a commit, whatever is killed."""
