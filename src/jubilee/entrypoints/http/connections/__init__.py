"""Connections of clients: what one may hold, for how long, and what it is refused with."""
