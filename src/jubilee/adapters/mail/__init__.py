"""Mail: composed from templates, sent by SMTP or written to files."""
