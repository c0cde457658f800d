"""Birthday greetings by mail: planned when somebody's hour has come, sent once a year."""
