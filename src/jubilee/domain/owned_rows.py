"""Ports to the sessions, tokens, items and tasks that an account owns and that end with it."""

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

    async def prove(
        self, session_id: SessionId, *, at: datetime, second_factor: bool = False
    ) -> None:
        """Store when the user of the session last proved who they are, and a second factor."""


class UserApiTokenStore(Protocol):
    """The tokens of an account."""

    async def delete_of(self, user_id: UserId) -> int:
        """Delete all tokens of the account; return how many."""


class OwnedItemStore(Protocol):
    """The items of an account."""

    async def delete_of(self, owner: UserId) -> Sequence[UUID]:
        """Delete all items of the owner; return the ids of those that were active."""

    async def move(self, owner: UserId, *, to: UserId, at: datetime) -> Sequence[UUID]:
        """Give all items of the owner to another account, each as a new version.

        Returns the ids of those that are active.
        """


class OwnedTaskStore(Protocol):
    """The tasks of an account."""

    async def move(self, owner: UserId, *, to: UserId) -> None:
        """Give all tasks of the owner to another account.

        Where that account has a task of the same `task_id`, the moved task's own id becomes its
        `task_id`.
        """
