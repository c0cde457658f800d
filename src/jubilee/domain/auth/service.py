"""Use cases of authentication: sign-in, refresh, sign-out and sessions."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from jubilee.domain.attempts.attempt import PasswordAttempt
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditEvent, AuditTransaction, hashed_login, record_own
from jubilee.domain.auth.records import (
    SignInFailure,
    record_failure,
    record_refusal,
)
from jubilee.domain.auth.sessions import (
    ClientInfo,
    Session,
    SessionReader,
    SessionRepository,
    TokenReuse,
)
from jubilee.domain.auth.sightings import ignore_sighting
from jubilee.domain.auth.tokens import (
    FIRST_GENERATION,
    InvalidToken,
    RefreshToken,
    TokenClaims,
    TokenSigner,
    UnknownKey,
    decode_refresh_token,
)
from jubilee.domain.clock import Clock
from jubilee.domain.errors import Invalid
from jubilee.domain.identity import NewId, Principal, SessionId, UserId
from jubilee.domain.passwords import PasswordHasher, PasswordMatch, match_password, normalized
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserReader, UserRepository
from jubilee.domain.users.user import EmailNotVerified, EmailPolicy, User, UserNotFound

LONGEST_SESSION = timedelta(days=90)


class InvalidGrant(Invalid):
    """The credentials or the refresh token are not valid."""

    code = "invalid_grant"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Access and refresh token of an account; `lifetime` is the access token's, in seconds."""

    user_id: UserId
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    lifetime: int


# Ports


class AuthView(Protocol):
    """The repositories that authentication reads from."""

    @property
    def users(self) -> UserReader:
        """The accounts."""

    @property
    def sessions(self) -> SessionReader:
        """The sessions of accounts."""


class AuthTransaction(AuditTransaction, Protocol):
    """The repositories that authentication needs in one transaction."""

    @property
    def users(self) -> UserRepository:
        """The accounts."""

    @property
    def sessions(self) -> SessionRepository:
        """The sessions of accounts."""


class SecretFactory(Protocol):
    """Generates secrets of refresh tokens."""

    def __call__(self) -> bytes:
        """Return 32 random bytes."""


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


@dataclass(frozen=True, slots=True)
class AuthService:
    """Use cases of authentication."""

    write: Begin[AuthTransaction]
    read: Begin[AuthView]
    hasher: PasswordHasher
    guard: AttemptGuard
    signer: TokenSigner
    look_up_keys: Callable[[], Awaitable[None]]
    """Loads the keys of the signer that another instance has added, at a bounded rate."""
    refresh_policy: RefreshPolicy
    clock: Clock
    new_id: NewId
    email: EmailPolicy
    note_session: Callable[[SessionId], None] = ignore_sighting
    """Called at each request; must be quick and must not fail."""

    async def authenticate(self, token: str) -> Principal:
        """Return the principal of an access token; raise InvalidToken."""
        try:
            claims = self.signer.read(token, now=self.clock())
        except UnknownKey:
            claims = await self._read_with_new_keys(token)
        async with self.read() as view:
            principal = await _principal(view, claims)
        if principal is None:
            raise InvalidToken
        self.note_session(claims.session_id)
        return principal

    async def _read_with_new_keys(self, token: str) -> TokenClaims:
        await self.look_up_keys()
        try:
            return self.signer.read(token, now=self.clock())
        except UnknownKey:
            raise InvalidToken from None

    async def sign_in(self, login: str, password: str, client: ClientInfo) -> Tokens:
        """Open a session; raise InvalidGrant, EmailNotVerified or TooManyAttempts.

        An unknown account and a wrong password take the same time and give the same error, and
        the attempts at both are limited in the same way.
        """
        async with self.read() as view:
            user = await view.users.find_by_login(login)
        attempt = PasswordAttempt.sign_in(login, user.id if user is not None else None, client.ip)
        async with self.guard.attempt(attempt):
            stored = user.password_hash if user is not None else None
            match = await match_password(self.hasher, stored, password)
            if user is None or match is PasswordMatch.NO or not user.may_sign_in(self.clock()):
                async with self.write() as tx:
                    pseudonym = hashed_login(self.refresh_policy.key, login)
                    await record_failure(tx.audit, user, match, pseudonym)
                raise InvalidGrant
            tokens = await self._admit(user, password, match, client)
        if tokens is None:
            raise EmailNotVerified
        return tokens

    async def open_session(self, user: User, client: ClientInfo) -> Tokens:
        """Open a session of an account that another provider has identified.

        Raises InvalidGrant for a disabled account.
        """
        tokens = await self._open_session(user, user.password_hash, client)
        if tokens is None:
            raise InvalidGrant
        return tokens

    async def refresh(self, encoded: str) -> Tokens:
        """Rotate the tokens of a session; a reused refresh token ends the session."""
        token = decode_refresh_token(encoded, *self.refresh_policy.keys)
        tokens = await self._rotate(token) if token is not None else None
        if tokens is None:
            raise InvalidGrant
        return tokens

    async def sign_out(self, principal: Principal) -> None:
        """End the session of the request; raises SessionRequired."""
        user_id, session_id = principal.user_id, principal.session
        async with self.write() as tx:
            if await tx.sessions.end(session_id, user_id=user_id):
                await record_own(tx.audit, AuditEvent.SIGN_OUT, user_id, session_id=str(session_id))

    async def _admit(
        self, user: User, password: str, match: PasswordMatch, client: ClientInfo
    ) -> Tokens | None:
        """Open the session; None if the address has to be verified first. Raises InvalidGrant.

        Where registration hides accounts, the password that was just registered would tell whether
        it made one: then an address that is not verified is refused as a wrong password is.
        """
        if not self.email.allows_sign_in(user):
            reason = SignInFailure.EMAIL_NOT_VERIFIED.value
            async with self.write() as tx:
                event = AuditEvent.SIGN_IN_FAILED
                await tx.audit.record(event, actor=None, subject=user.id, reason=reason)
            if self.email.hides_accounts:
                raise InvalidGrant
            return None
        rehashed = await self._rehashed(user, password, match)
        tokens = await self._open_session(user, rehashed, client)
        if tokens is None:
            raise InvalidGrant
        return tokens

    async def _rehashed(self, user: User, password: str, match: PasswordMatch) -> str | None:
        stored = user.password_hash
        outdated = stored is not None and self.hasher.is_outdated(stored)
        if outdated or match is PasswordMatch.OTHER_FORM:
            return await self.hasher.hash(normalized(password))
        return stored

    async def _open_session(
        self, user: User, password_hash: str | None, client: ClientInfo
    ) -> Tokens | None:
        """Return None if the account has changed or ended while the password was checked."""
        token = RefreshToken(
            SessionId(self.new_id()), FIRST_GENERATION, self.refresh_policy.make_secret()
        )
        session = self._session(token, user.id, client)
        async with self.write() as tx:
            locked = await _still_active(tx, user, session.created_at)
            if locked is None:
                await record_failure(tx.audit, user, PasswordMatch.YES, "")
                return None
            after = replace(locked.unlocked(), password_hash=password_hash)
            if after != locked:
                await tx.users.save(after)
            await tx.sessions.prune(user.id, now=session.created_at)
            await tx.sessions.add(session)
            await record_own(tx.audit, AuditEvent.SIGN_IN, user.id, session_id=str(session.id))
        return self._tokens(token, user.id)

    def _session(self, token: RefreshToken, user_id: UserId, client: ClientInfo) -> Session:
        now = self.clock()
        return Session(
            id=token.session_id,
            user_id=user_id,
            generation=token.generation,
            token_hash=token.hash,
            rotated_at=now,
            expires_at=now + self.refresh_policy.time_left(now, now=now),
            created_at=now,
            client=client,
            proved_at=now,
        )

    async def _rotate(self, token: RefreshToken) -> Tokens | None:
        """Return None to refuse the token; the transaction commits, as a reuse ends the session."""
        now = self.clock()
        async with self.write() as tx:
            session = await tx.sessions.find(token.session_id, lock=True)
            if session is None or session.expires_at <= now:
                return None
            idle = self.refresh_policy.time_left(session.created_at, now=now)
            if idle <= timedelta():
                return None
            user = await tx.users.get(session.user_id)
            reuse = session.classify(token, now=now)
            if reuse is TokenReuse.REUSED or not user.may_sign_in(now):
                await tx.sessions.end(session.id, user_id=session.user_id)
                await record_refusal(tx.audit, session, reuse)
                return None
            successor = self.refresh_policy.successor(token, session)
            if reuse is TokenReuse.CURRENT:
                await tx.sessions.save(session.rotated(successor, now=now, idle=idle))
        return self._tokens(successor, session.user_id)

    def _tokens(self, refresh: RefreshToken, user_id: UserId) -> Tokens:
        claims = TokenClaims(user_id, refresh.session_id)
        return Tokens(
            user_id=user_id,
            access=self.signer.sign(claims, now=self.clock()),
            refresh=refresh.encode(self.refresh_policy.key),
            lifetime=self.signer.lifetime,
        )


async def _principal(view: AuthView, claims: TokenClaims) -> Principal | None:
    if claims.actor_id is None:
        return await view.sessions.check(claims)
    rights = await view.sessions.acting_rights(claims)
    return None if rights is None else rights.principal(claims)


async def _still_active(tx: AuthTransaction, user: User, now: datetime) -> User | None:
    """Lock the account; None if it is not the one whose password was checked."""
    try:
        locked = await tx.users.get(user.id, lock=True)
    except UserNotFound:
        return None
    is_same = locked.may_sign_in(now) and locked.password_hash == user.password_hash
    return locked if is_same else None
