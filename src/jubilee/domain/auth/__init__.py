"""Who is asking: credentials, tokens and sessions."""
