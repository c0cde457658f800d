"""URLs of servers in settings: checked and parsed, a module per kind."""
