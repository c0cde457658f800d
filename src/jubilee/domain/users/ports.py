"""What the use cases of accounts need of storage."""

from collections.abc import Collection
from typing import Protocol

from jubilee.domain.audit.entry import AuditTransaction
from jubilee.domain.events import EventLog
from jubilee.domain.idempotency.answers import AnswerTransaction
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.queue import JobQueue
from jubilee.domain.one_time.link import OneTimeTransaction
from jubilee.domain.owned_rows import OwnedItemStore, UserApiTokenStore, UserSessionStore
from jubilee.domain.paging import Page, Position
from jubilee.domain.users.user import User


class UserReader(Protocol):
    """Reads accounts."""

    async def get(self, user_id: UserId) -> User:
        """Return the account; raise UserNotFound."""

    async def find_by_login(self, login: str) -> User | None:
        """Find an account by username or e-mail address, ignoring case."""

    async def page(self, *, search: str | None, after: Position | None, limit: int) -> Page[User]:
        """List accounts, newest first; `search` matches whole words and prefixes of words."""


class UserRepository(Protocol):
    """The accounts; adding and saving raise EmailTaken or UsernameTaken."""

    async def get(self, user_id: UserId, *, lock: bool = False) -> User:
        """Return the account; `lock` holds its row until the transaction ends.

        Raises UserNotFound.
        """

    async def add(self, user: User) -> None:
        """Insert the account; an anonymous birthday saved under its username is removed."""

    async def save(self, user: User) -> None:
        """Update every field of the account."""

    async def delete(self, user_id: UserId) -> None:
        """Delete the account, every row that it owns, and the stored answers about it."""

    async def block_new_rows(self, user_id: UserId) -> None:
        """Block inserts of rows that the account would own, until the transaction ends."""

    async def lock_admins(self) -> Collection[UserId]:
        """Return the ids of the active admins, their rows locked until the transaction ends."""


class UserView(Protocol):
    """The repositories that account use cases read from."""

    @property
    def users(self) -> UserReader:
        """The accounts."""


class UserTransaction(AnswerTransaction, AuditTransaction, OneTimeTransaction, Protocol):
    """The repositories that account use cases need in one transaction."""

    @property
    def users(self) -> UserRepository:
        """The accounts."""

    @property
    def sessions(self) -> UserSessionStore:
        """The sessions of accounts."""

    @property
    def api_tokens(self) -> UserApiTokenStore:
        """The tokens of accounts."""

    @property
    def items(self) -> OwnedItemStore:
        """The items of accounts."""

    @property
    def events(self) -> EventLog:
        """The outbox of domain events."""

    @property
    def jobs(self) -> JobQueue:
        """The jobs to enqueue."""
