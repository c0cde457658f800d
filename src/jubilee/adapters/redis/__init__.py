"""Redis: dispatch of jobs by ARQ, and a cache of pages."""
