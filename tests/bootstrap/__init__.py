"""The composition of adapters and services."""
