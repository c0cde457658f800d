"""Other ways to write the endpoints, one small file each: `python -m ... PORT DATABASE_URL`."""
