"""The processes that drive the domain."""
