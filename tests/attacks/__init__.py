"""Attacks on every flow of accounts: its steps repeated, skipped, forged, swapped and raced."""
