"""Leaving: an export of what the service has of a person, and the deletion of the account."""
