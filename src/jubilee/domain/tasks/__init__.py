"""Tasks: jobs that users request, list, cancel and retry."""
