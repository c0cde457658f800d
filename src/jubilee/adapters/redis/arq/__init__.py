"""ARQ over Redis: messages tell workers which jobs are due; the jobs are in PostgreSQL."""
