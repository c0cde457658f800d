"""Commands in this process; as processes they are in tests/system."""
