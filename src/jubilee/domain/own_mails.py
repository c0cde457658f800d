"""The service's mails to an account, and the status of their delivery."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from jubilee.domain.identity import Principal, UserId
from jubilee.domain.paging import Page, Position
from jubilee.domain.transaction import Begin


class MailStatus(StrEnum):
    """Status of the delivery of a mail."""

    QUEUED = "queued"
    """It waits, or is tried again."""
    SENT = "sent"
    """The mail server has accepted it."""
    FAILED = "failed"
    """The mail server rejects it, or all attempts have failed."""
    SKIPPED = "skipped"
    """It was no longer needed, such as a link that a newer one replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMail:
    """A mail without its content; `template` says what it is about."""

    id: UUID
    template: str
    status: MailStatus
    attempts: int
    created_at: datetime
    finished_at: datetime | None
    error: str | None
    """Code of the last failure, such as `undeliverable`."""


# Ports


class OwnMailReader(Protocol):
    """Reads the mails to an account, as long as finished jobs are kept."""

    async def page(self, user_id: UserId, *, after: Position | None, limit: int) -> Page[OwnMail]:
        """List the mails, newest first."""


class OwnMailView(Protocol):
    """The view that mails are read from."""

    @property
    def own_mails(self) -> OwnMailReader:
        """The mails to accounts."""


@dataclass(frozen=True, slots=True)
class OwnMailService:
    """Use case of an account's own mails."""

    read_list: Begin[OwnMailView]

    async def list(self, *, by: Principal, after: Position | None, limit: int) -> Page[OwnMail]:
        """List the caller's mails, newest first."""
        async with self.read_list() as view:
            return await view.own_mails.page(by.user_id, after=after, limit=limit)
