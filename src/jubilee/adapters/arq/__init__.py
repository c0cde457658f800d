"""ARQ over Redis: messages that tell workers which jobs are due; PostgreSQL holds the jobs."""
