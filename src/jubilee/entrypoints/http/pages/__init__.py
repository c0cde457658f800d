"""Server-rendered pages that mails link to: forms that work without scripts."""
