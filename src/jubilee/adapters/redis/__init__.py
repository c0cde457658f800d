"""Redis: what may be lost without harm."""
