"""Providers of identities, without a network."""
