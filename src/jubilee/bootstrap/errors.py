"""Errors at the start of a process."""


class BadConfiguration(Exception):
    """The settings do not allow a start; starting again without a change would not help."""
