"""Opening of sessions: the last step of every way to sign in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from jubilee.domain.audit.entry import AuditEvent, AuditRows, record_own
from jubilee.domain.auth.admission import (
    AdmissionTransaction,
    SignInAdmission,
    SignInMethod,
    SignInRefusal,
)
from jubilee.domain.auth.new_devices import is_new_device, new_device_mail
from jubilee.domain.auth.sessions import ClientInfo, Session, SessionRepository
from jubilee.domain.auth.tokens import (
    FIRST_GENERATION,
    InvalidGrant,
    RefreshToken,
    TokenClaims,
    TokenSigner,
)
from jubilee.domain.clock import Clock
from jubilee.domain.errors import DomainError
from jubilee.domain.identity import NewId, SessionId, UserId
from jubilee.domain.jobs.queue import JobQueue
from jubilee.domain.users.user import User

SecretFactory: TypeAlias = Callable[[], bytes]
"""Returns 32 random bytes, the secret of a refresh token."""


LONGEST_SESSION = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Access and refresh token of an account; `lifetime` is the access token's, in seconds."""

    user_id: UserId
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    lifetime: int


def require_tokens(
    opened: Tokens | SignInRefusal, *, invalid: type[DomainError] = InvalidGrant
) -> Tokens:
    """Return the tokens of an opened session, or raise its refusal, now that it is recorded.

    `invalid` takes the place of InvalidGrant: what is wrong is no grant where a passkey or the
    token of a second step was presented.
    """
    if isinstance(opened, Tokens):
        return opened
    raise invalid() if isinstance(opened, InvalidGrant) else opened


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """The key that signs refresh tokens, and how long a session lives.

    An unused one ends after `idle`, each one `longest` after its sign-in. Tokens that were signed
    with a previous key are accepted.
    """

    key: bytes = field(repr=False)
    idle: timedelta
    make_secret: SecretFactory
    previous_keys: tuple[bytes, ...] = field(default=(), repr=False)
    longest: timedelta = LONGEST_SESSION

    @property
    def keys(self) -> tuple[bytes, ...]:
        """All keys whose tokens are accepted, the one that signs first."""
        return (self.key, *self.previous_keys)

    def time_left(self, created_at: datetime, *, now: datetime) -> timedelta:
        """Return how long a session may stay unused from now on; zero or less if it has ended."""
        return min(self.idle, created_at + self.longest - now)

    def successor(self, token: RefreshToken, session: Session) -> RefreshToken:
        """Return the token after this one; of a repeated token, the one that the session holds.

        The instance that rotated the session may have signed with another of the keys.
        """
        successors = [token.successor(key) for key in self.keys]
        held = (each for each in successors if each.hash == session.token_hash)
        return next(held, successors[0])


# Ports


class OpeningTransaction(AdmissionTransaction, Protocol):
    """The repositories that opening a session needs in one transaction."""

    @property
    def sessions(self) -> SessionRepository:
        """The sessions of accounts."""

    @property
    def audit(self) -> AuditRows:
        """The audit log."""

    @property
    def jobs(self) -> JobQueue:
        """The jobs to enqueue."""


@dataclass(frozen=True, slots=True)
class SessionOpener:
    """Opens sessions and makes their tokens."""

    signer: TokenSigner
    policy: RefreshPolicy
    admission: SignInAdmission
    clock: Clock
    new_id: NewId

    async def open(
        self, tx: OpeningTransaction, user: User, client: ClientInfo, method: SignInMethod
    ) -> Tokens | SignInRefusal:
        """Open a session of the account, which is locked; delete its expired and surplus ones.

        Whether it may sign in is decided here for every method. A refusal is returned, to be raised
        after the commit: its record, and the token of a second step, have to be stored. A sign-in
        from an address that the account does not know is mailed to it.
        """
        refusal = await self.admission.refusal(tx, user, method)
        if refusal is not None:
            return refusal
        if user.locked_at is not None:
            await tx.users.save(user.unlocked())
        return await self._open(tx, user, client, method)

    async def _open(
        self, tx: OpeningTransaction, user: User, client: ClientInfo, method: SignInMethod
    ) -> Tokens:
        now = self.clock()
        token = RefreshToken(SessionId(self.new_id()), FIRST_GENERATION, self.policy.make_secret())
        session = Session(
            id=token.session_id,
            user_id=user.id,
            generation=token.generation,
            token_hash=token.hash,
            rotated_at=now,
            expires_at=now + self.policy.time_left(now, now=now),
            created_at=now,
            client=client,
            proved_at=now,
            second_factor=method.has_second_factor,
        )
        await tx.sessions.prune(user.id, now=now)
        await tx.sessions.add(session)
        if await is_new_device(tx.audit, session):
            await tx.jobs.add(new_device_mail(self.new_id(), session))
        await record_own(tx.audit, AuditEvent.SIGN_IN, user.id, session_id=str(session.id))
        return self.tokens(token, user.id)

    def tokens(self, refresh: RefreshToken, user_id: UserId) -> Tokens:
        """Return the refresh token and a new access token of its session."""
        claims = TokenClaims(user_id, refresh.session_id)
        return Tokens(
            user_id=user_id,
            access=self.signer.sign(claims, now=self.clock()),
            refresh=refresh.encode(self.policy.key),
            lifetime=self.signer.lifetime,
        )
