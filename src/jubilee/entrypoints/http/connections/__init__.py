"""Client connections: limits, deadlines, and responses to malformed requests."""
