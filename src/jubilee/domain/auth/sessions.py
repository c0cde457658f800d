"""Sessions: one per sign-in, kept alive by rotating refresh tokens."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from jubilee.domain.auth.tokens import RefreshToken, TokenClaims
from jubilee.domain.errors import NotFound
from jubilee.domain.identity import Credential, Principal, SessionId, UserId
from jubilee.domain.owned_rows import SessionProofStore, UserSessionStore
from jubilee.domain.roles.ranks import outranks
from jubilee.domain.scopes import TOKEN_SCOPES, Scope

REFRESH_GRACE = timedelta(seconds=10)
MAX_SESSIONS_PER_USER = 100  # a new one replaces the oldest


class SessionNotFound(NotFound):
    """The session does not exist or is not yours."""

    code = "session_not_found"


class TokenReuse(Enum):
    """How a presented refresh token relates to its session."""

    CURRENT = "current"
    REPEATED = "repeated"  # the previous one within the grace period: the response may be lost
    REUSED = "reused"  # an older one: it may be stolen


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """The client of a sign-in, shown in the list of sessions."""

    ip: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A sign-in and the state of its refresh tokens."""

    id: SessionId
    user_id: UserId
    generation: int
    token_hash: bytes = field(repr=False)
    previous_hash: bytes | None = field(default=None, repr=False)
    rotated_at: datetime
    expires_at: datetime
    created_at: datetime
    client: ClientInfo
    proved_at: datetime | None = None
    """When its user last proved who they are: by signing in, or since; None: never."""
    second_factor: bool = False
    """Whether its user gave a second factor: to sign in, or since."""
    seen_at: datetime | None = None
    """When an access token was used, to within a few minutes; None if none was since its start."""

    @property
    def last_used_at(self) -> datetime:
        """When one of its tokens was used."""
        return max(self.rotated_at, self.seen_at or self.rotated_at)

    def classify(self, token: RefreshToken, *, now: datetime) -> TokenReuse:
        """Classify a refresh token; using its successor ends the grace period early."""
        if hmac.compare_digest(token.hash, self.token_hash):
            return TokenReuse.CURRENT
        before = self.previous_hash or b""
        if hmac.compare_digest(token.hash, before) and now - self.rotated_at <= REFRESH_GRACE:
            return TokenReuse.REPEATED
        return TokenReuse.REUSED

    def rotated(self, successor: RefreshToken, *, now: datetime, idle: timedelta) -> "Session":
        """Return the session with `successor` as current token, expiring after `idle`."""
        return replace(
            self,
            generation=successor.generation,
            token_hash=successor.hash,
            previous_hash=self.token_hash,
            rotated_at=now,
            expires_at=now + idle,
        )


@dataclass(frozen=True, slots=True)
class ActingRights:
    """What an account that acts as another one may do itself, and what the other may do."""

    actor: frozenset[Scope]
    account: frozenset[Scope]

    def principal(self, claims: TokenClaims) -> Principal | None:
        """Return the principal of the token, or None if the actor may no longer act so.

        It has no session: what changes credentials is refused to it.
        """
        if Scope.USERS_IMPERSONATE not in self.actor or not outranks(self.actor, self.account):
            return None
        return Principal(
            claims.user_id,
            None,
            credential=Credential.IMPERSONATION,
            scopes=TOKEN_SCOPES,
            rights=self.account,
            impersonator_id=claims.actor_id,
        )


# Ports


class SessionReader(Protocol):
    """Reads the sessions that have not ended."""

    async def check(self, claims: TokenClaims) -> Principal | None:
        """Return the principal if session and account are active now; one statement."""

    async def acting_rights(self, claims: TokenClaims) -> ActingRights | None:
        """Return the rights of the actor and the account, if the actor's session is active.

        Both accounts must be able to sign in now.
        """

    async def list_for(self, user_id: UserId) -> Sequence[Session]:
        """List the sessions of the account, newest first; MAX_SESSIONS_PER_USER at most."""


class SessionRepository(Protocol):
    """The sessions that have not ended."""

    async def find(self, session_id: SessionId, *, lock: bool = False) -> Session | None:
        """Return the session; `lock` holds its row until the transaction ends."""

    async def add(self, session: Session) -> None:
        """Insert the session."""

    async def save(self, session: Session) -> None:
        """Update the members that rotation changes."""

    async def end(self, session_id: SessionId, *, user_id: UserId) -> bool:
        """End a session of the account; return whether it existed."""

    async def prune(self, user_id: UserId, *, now: datetime) -> None:
        """Delete the expired sessions of the account, and the oldest above the maximum number."""


class AccountSessions(SessionRepository, UserSessionStore, SessionProofStore, Protocol):
    """The sessions, as authentication and changes of accounts use them."""
