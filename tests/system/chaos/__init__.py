"""Chaos: real workers, an API and servers that are killed, frozen, filled and cut off."""
