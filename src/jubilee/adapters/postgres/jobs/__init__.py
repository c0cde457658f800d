"""Jobs in PostgreSQL: enqueueing, claiming, finishing, relaying and reporting."""
