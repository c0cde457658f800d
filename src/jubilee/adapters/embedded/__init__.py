"""Embedded servers: PostgreSQL and Valkey from Python wheels, as child processes of Jubilee."""
