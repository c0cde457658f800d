"""Tokens for programs: they act for an account within scopes, until they expire or are deleted."""
