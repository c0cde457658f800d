"""User accounts: registration, changes, deletion; at least one active admin always remains."""
