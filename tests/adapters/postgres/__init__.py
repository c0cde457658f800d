"""The PostgreSQL adapter's parts that need no contract test."""
