"""Birthday greetings by mail: planned by local time, sent once per account and year."""
