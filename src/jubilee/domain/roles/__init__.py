"""Roles: named sets of scopes, and the accounts that have them."""
