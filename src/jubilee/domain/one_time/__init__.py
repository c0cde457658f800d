"""One-time links and codes, by which an account proves that it reads a mail."""
