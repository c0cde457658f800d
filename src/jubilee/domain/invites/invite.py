"""An invite, and the ports that store invites."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from jubilee.domain.errors import Invalid, LimitReached, NotFound
from jubilee.domain.identity import UserId
from jubilee.domain.paging import Page, Position

DEFAULT_LIFETIME = timedelta(days=7)
MAX_LIFETIME = timedelta(days=30)
MAX_PER_INVITER = 100
"""Pending invites of one account."""


class InvalidInvite(Invalid):
    """The invite is wrong, has expired, was revoked or replaced, or is already accepted."""

    code = "invalid_invite"


class InviteNotFound(NotFound):
    """The invite does not exist, or is no longer pending."""

    code = "invite_not_found"


class InviteExpiryOutOfRange(Invalid):
    """An invite expires in the future, at most 30 days from now."""

    code = "invite_expiry_out_of_range"


class TooManyInvites(LimitReached):
    """You have too many pending invites."""

    code = "too_many_invites"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """A pending invite; accepting, revoking and replacing it delete its row."""

    id: UUID
    email: str
    role: str
    invited_by: UserId
    token_hash: bytes = field(repr=False)
    code_hash: bytes = field(repr=False)
    """Of the code beside the link; empty where a version without codes wrote it: no code fits."""
    created_at: datetime
    expires_at: datetime


# Ports


class InviteReader(Protocol):
    """Reads the pending invites."""

    async def get(self, invite_id: UUID) -> Invite | None:
        """Return the invite, pending or expired; None if it was accepted, revoked or replaced."""

    async def find_by_token(self, token_hash: bytes) -> Invite | None:
        """Return the invite of a token, pending or expired."""

    async def find_by_email(self, email: str) -> Invite | None:
        """Return the invite to an address, pending or expired."""

    async def page(self, *, now: datetime, after: Position | None, limit: int) -> Page[Invite]:
        """List the pending invites, newest first."""


class InviteRepository(InviteReader, Protocol):
    """The pending invites; they are deleted with the account that invited."""

    async def add(self, invite: Invite) -> None:
        """Insert the invite; it replaces the one to the same address, of any account."""

    async def count(self, invited_by: UserId, *, limit: int) -> int:
        """Count the invites of an account, expired ones included, up to `limit`."""

    async def remove(self, invite_id: UUID) -> Invite | None:
        """Delete an invite and return it; of parallel calls, one gets it."""
