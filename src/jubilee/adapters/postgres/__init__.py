"""PostgreSQL: schema, connections, and a repository per feature."""
