"""What belongs to an account and goes with it: the ports to sessions and items."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from jubilee.domain.identity import SessionId, UserId


class UserSessions(Protocol):
    """What accounts need of sessions."""

    async def end_all(self, user_id: UserId, *, but: SessionId | None = None) -> None:
        """End every session of the account, but for one."""


class OwnedItems(Protocol):
    """What accounts need of items."""

    async def delete_of(self, owner: UserId) -> Sequence[UUID]:
        """Remove all that it owns; the ids of those that could still be seen."""
