"""The settings, their sources and `.env.example`."""
