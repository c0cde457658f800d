"""Invites: an admin asks an address to register, with a role."""
