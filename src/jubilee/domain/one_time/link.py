"""A one-time link of an account, how it is presented, and the port that stores it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeAlias
from uuid import UUID

from jubilee.domain.errors import Invalid
from jubilee.domain.identity import UserId


class LinkPurpose(StrEnum):
    """What a link is for; it is of no use for anything else."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105  # a purpose, not a password
    CHANGE_EMAIL = "change_email"
    UNDO_EMAIL = "undo_email"
    EXPORT = "export"
    RESTORE_ACCOUNT = "restore_account"

    @property
    def is_per_recipient(self) -> bool:
        """Whether a new link leaves older ones to other recipients live.

        An address that was replaced twice can still be restored by the mail about the first time.
        """
        return self is LinkPurpose.UNDO_EMAIL


LIFETIMES: Mapping[LinkPurpose, timedelta] = {
    LinkPurpose.VERIFY_EMAIL: timedelta(days=3),
    LinkPurpose.RESET_PASSWORD: timedelta(hours=1),
    LinkPurpose.CHANGE_EMAIL: timedelta(days=1),
    LinkPurpose.UNDO_EMAIL: timedelta(hours=72),
    LinkPurpose.EXPORT: timedelta(days=7),
    LinkPurpose.RESTORE_ACCOUNT: timedelta(days=365),
}
"""How long links are valid at most; one that restores an account ends when the account does."""


class InvalidLink(Invalid):
    """The link or code is wrong, has expired, or was used or replaced by a newer one."""

    code = "invalid_link"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeLink:
    """A link and the code beside it, both stored as hashes."""

    id: UUID
    user_id: UserId
    purpose: LinkPurpose
    recipient: str
    """The address that the mail goes to."""
    payload: Mapping[str, str] = field(default_factory=dict)
    """What the link will do, beyond what purpose and recipient say."""
    token_hash: bytes = field(repr=False)
    code_hash: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    """When it was used, or replaced by a newer one."""

    def is_live(self, now: datetime) -> bool:
        """Return whether it can be used."""
        return self.ended_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class LinkToken:
    """The token of a link that was opened."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TypedCode:
    """The code beside the link, and the address that it was sent to."""

    recipient: str
    code: str = field(repr=False)


LinkProof: TypeAlias = LinkToken | TypedCode


# Ports


class OneTimeLinkReader(Protocol):
    """Reads the links of accounts."""

    async def get(self, link_id: UUID) -> OneTimeLink | None:
        """Return the link, live or not."""

    async def find_by_token(self, purpose: LinkPurpose, token_hash: bytes) -> OneTimeLink | None:
        """Return the link of this purpose, live or not."""

    async def find_by_recipient(self, purpose: LinkPurpose, recipient: str) -> OneTimeLink | None:
        """Return the newest link of this purpose to the address that has not ended."""


class OneTimeLinkRepository(OneTimeLinkReader, Protocol):
    """The links of accounts; they are deleted with the account, or some time after their end."""

    async def add(self, link: OneTimeLink) -> None:
        """Insert the link, and end the live one that it replaces.

        The caller holds the lock of the account: of parallel links only one stays live.
        """

    async def end(self, link_id: UUID, *, now: datetime) -> bool:
        """End a live link; of parallel calls, one returns True."""

    async def end_all(
        self, user_id: UserId, *, now: datetime, but: LinkPurpose | None = None
    ) -> None:
        """End every live link of the account, except those of the purpose `but`."""

    async def count(self, user_id: UserId, purpose: LinkPurpose, *, since: datetime) -> int:
        """Count the links of an account that were made since."""


class OneTimeView(Protocol):
    """The view that links are read from."""

    @property
    def one_time(self) -> OneTimeLinkReader:
        """The links of accounts."""


class OneTimeTransaction(Protocol):
    """A transaction in which links are issued and used."""

    @property
    def one_time(self) -> OneTimeLinkRepository:
        """The links of accounts."""
