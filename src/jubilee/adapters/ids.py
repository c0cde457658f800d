"""Ids that sort by time, which keeps new rows together in an index."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Generate a UUID of version 7."""
    return uuid7()
