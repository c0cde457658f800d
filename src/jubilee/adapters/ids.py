"""Ids that sort by time, so that new rows lie together in an index."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUID of version 7."""
    return uuid7()
