"""Providers of identities: OpenID Connect by discovery, and OAuth 2.0 providers without it."""
