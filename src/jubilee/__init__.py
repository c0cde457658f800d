"""Jubilee: accounts, items, birthdays and durable background jobs behind one REST API."""

__version__ = "0.1.0"
