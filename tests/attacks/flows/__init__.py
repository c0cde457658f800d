"""The flows of accounts, by what they are about."""
