"""Running, relaying and waiting for jobs, on fakes."""
