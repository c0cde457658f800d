"""Programs that run in the environment of tests/deploy/tools.py, not in the tests' own."""
