"""PostgreSQL: the schema, the connections, one repository a feature."""
