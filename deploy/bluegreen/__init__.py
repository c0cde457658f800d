"""Blue-green releases: switch, watch, then promote or roll back. Standard library alone."""
