"""Helpers that several folders use: real processes, receivers."""
