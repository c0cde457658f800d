"""In-memory adapters, one for each port."""
