"""Mail: composed from templates, handed to an SMTP server or laid down as files."""
