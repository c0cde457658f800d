"""Requests that people have the service make: to where they may, and never anywhere else."""
