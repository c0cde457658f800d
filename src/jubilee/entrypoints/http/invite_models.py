"""Bodies of invites."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from jubilee.domain.invites.invite import Invite
from jubilee.domain.invites.service import Acceptance
from jubilee.domain.names import Names
from jubilee.entrypoints.http.account_email_models import CodeProof, ProofBody, TokenProof
from jubilee.entrypoints.http.fields import (
    Email,
    Instant,
    NewFullName,
    NewUsername,
    Password,
)
from jubilee.entrypoints.http.framework.endpoint import Model, OneOf, ReplyModel
from jubilee.entrypoints.http.framework.paging import PageReply
from jubilee.entrypoints.http.role_models import RoleName

INVITE_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e91",
    "email": "max@example.com",
    "role": "user",
    "invited_by": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    "created_at": "2026-11-20T09:00:00Z",
    "expires_at": "2026-11-27T09:00:00Z",
}


NEW_ACCOUNT_EXAMPLE = {"password": "correct horse battery", "username": "max"}


class InviteBody(Model):
    """Who is invited, with which role."""

    email: Email
    role: RoleName
    expires: Instant | None = Field(
        None, description="when the invite expires: in 7 days by default, in 30 at most"
    )


class InviteReply(ReplyModel):
    """A pending invite, without its token."""

    id: UUID
    email: str
    role: str
    invited_by: UUID
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, invite: Invite) -> Self:
        """Make the reply for an invite."""
        return cls(**{name: getattr(invite, name) for name in cls.model_fields})


class InvitePage(PageReply):
    """One page of pending invites."""

    items: list[InviteReply]


class NewAccount(Model):
    """What the account of an invite needs."""

    password: Password
    username: NewUsername | None = None
    full_name: NewFullName | None = None


class AcceptanceBody(ProofBody, NewAccount):
    """A proof of the invite, and what the new account needs."""

    def to_domain(self) -> Acceptance:
        """Make the acceptance for the invite service."""
        names = Names(username=self.username, full_name=self.full_name)
        return Acceptance(proof=self.proof, password=self.password, names=names)


class TokenAcceptance(TokenProof, NewAccount):
    """The token of the mailed link, and what the new account needs."""


class CodeAcceptance(CodeProof, NewAccount):
    """The code of the mail with its address, and what the new account needs."""


class InviteAcceptance(OneOf[TokenAcceptance | CodeAcceptance]):
    """A proof of the invite, and what the new account needs."""
