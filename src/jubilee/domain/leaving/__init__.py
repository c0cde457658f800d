"""Leaving: an export of everything that the service has of a person, and the end of the account."""
