"""PostgreSQL and Valkey from their wheels, as children of the one process that runs Jubilee."""
