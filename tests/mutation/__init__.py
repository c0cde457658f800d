"""Mutation testing: a seeded sample of small changes to the source, and whether a test notices."""
