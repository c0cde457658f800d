"""Impersonation: an account of higher rank acts as another one for a few minutes.

The access token names both accounts and the session of the one that acts. At every request both
are read: the token ends with that session, with the right to impersonate, or with either account.
"""

from dataclasses import dataclass, field
from typing import Protocol

from jubilee.domain.account_locks import checked_reason
from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.auth.tokens import IMPERSONATION_S, TokenClaims, TokenSigner
from jubilee.domain.clock import Clock
from jubilee.domain.errors import NotAllowed
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.roles.ranks import outranks, require_other
from jubilee.domain.roles.role import RankTooHigh, RoleReader
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserTransaction


class CannotSignIn(NotAllowed):
    """The account is disabled or locked: no session may act as it."""

    code = "cannot_sign_in"


@dataclass(frozen=True, slots=True)
class ImpersonationToken:
    """An access token without a refresh token; `lifetime` in seconds."""

    access: str = field(repr=False)
    lifetime: int
    user_id: UserId


class ImpersonationTransaction(UserTransaction, Protocol):
    """The repositories that impersonation needs in one transaction."""

    @property
    def roles(self) -> RoleReader:
        """The roles and their grants."""


@dataclass(frozen=True, slots=True)
class ImpersonationService:
    """Use cases of impersonation."""

    write: Begin[ImpersonationTransaction]
    signer: TokenSigner
    clock: Clock

    async def start(self, user_id: UserId, reason: str, *, by: Principal) -> ImpersonationToken:
        """Return a token that acts as the account, and record the reason.

        Raises UserNotFound, OwnAccountRefused, RankTooHigh, CannotSignIn, InvalidReason, or
        SessionRequired for a caller without a session.
        """
        require_other(user_id, by=by)
        note, session_id, now = checked_reason(reason), by.session, self.clock()
        async with self.write() as tx:
            user = await tx.users.get(user_id)
            if not outranks(by.allowed, await tx.roles.rights(user_id)):
                raise RankTooHigh
            if not user.may_sign_in(now):
                raise CannotSignIn
            event = AuditEvent.IMPERSONATION_STARTED
            await tx.audit.record(event, actor=by.user_id, subject=user_id, note=note)
        claims = TokenClaims(user_id, session_id, actor_id=by.user_id)
        access = self.signer.sign(claims, now=now, lifetime_s=IMPERSONATION_S)
        return ImpersonationToken(access, IMPERSONATION_S, user_id)
