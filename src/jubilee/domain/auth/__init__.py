"""Authentication: credentials, tokens and sessions."""
