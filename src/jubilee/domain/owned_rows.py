"""Ports to the sessions, tokens and items that an account owns and that end with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from jubilee.domain.identity import SessionId, UserId

# Ports


class UserSessionStore(Protocol):
    """The sessions of an account."""

    async def end_all(self, user_id: UserId, *, but: SessionId | None = None) -> None:
        """End every session of the account except `but`."""


class SessionProofStore(Protocol):
    """The proofs that users give within a session."""

    async def prove(self, session_id: SessionId, *, at: datetime) -> None:
        """Store when the user of the session last proved who they are."""


class UserApiTokenStore(Protocol):
    """The tokens of an account."""

    async def delete_of(self, user_id: UserId) -> int:
        """Delete all tokens of the account; return how many."""


class OwnedItemStore(Protocol):
    """The items of an account."""

    async def delete_of(self, owner: UserId) -> Sequence[UUID]:
        """Delete all items of the owner; return the ids of those that were active."""
