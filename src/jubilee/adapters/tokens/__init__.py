"""Access tokens (JWT) and the keys that sign them."""
