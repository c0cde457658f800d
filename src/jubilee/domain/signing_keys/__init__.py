"""Keys that sign access tokens: their rotation, and how instances agree on them."""
