"""Use cases of authentication: sign-in, refresh, sign-out and sessions."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from jubilee.domain.attempts.attempt import PasswordAttempt
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.audit.entry import AuditEvent, hashed_login, record_own
from jubilee.domain.auth.admission import SignInMethod, SignInRefusal
from jubilee.domain.auth.opening import OpeningTransaction, SessionOpener, Tokens, require_tokens
from jubilee.domain.auth.records import (
    SignInFailure,
    record_failure,
    record_refusal,
)
from jubilee.domain.auth.sessions import (
    ClientInfo,
    SessionReader,
    TokenReuse,
)
from jubilee.domain.auth.tokens import (
    InvalidGrant,
    InvalidToken,
    RefreshToken,
    TokenClaims,
    TokenSigner,
    UnknownKey,
    decode_refresh_token,
)
from jubilee.domain.clock import Clock
from jubilee.domain.identity import Principal, SessionId
from jubilee.domain.last_uses import ignore_use
from jubilee.domain.passwords import PasswordHasher, PasswordMatch, match_password, normalized
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserReader
from jubilee.domain.users.user import User, UserNotFound

# Ports


class AuthView(Protocol):
    """The repositories that authentication reads from."""

    @property
    def users(self) -> UserReader:
        """The accounts."""

    @property
    def sessions(self) -> SessionReader:
        """The sessions of accounts."""


@dataclass(frozen=True, slots=True)
class AuthService:
    """Use cases of authentication."""

    write: Begin[OpeningTransaction]
    read: Begin[AuthView]
    hasher: PasswordHasher
    guard: AttemptGuard
    signer: TokenSigner
    look_up_keys: Callable[[], Awaitable[None]]
    """Loads the keys of the signer that another instance has added, at a bounded rate."""
    opener: SessionOpener
    clock: Clock
    note_use: Callable[[SessionId], None] = ignore_use
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
        self.note_use(claims.session_id)
        return principal

    async def _read_with_new_keys(self, token: str) -> TokenClaims:
        await self.look_up_keys()
        try:
            return self.signer.read(token, now=self.clock())
        except UnknownKey:
            raise InvalidToken from None

    async def sign_in(self, login: str, password: str, client: ClientInfo) -> Tokens:
        """Open a session; raise InvalidGrant, EmailNotVerified, MfaRequired or TooManyAttempts.

        An unknown account and a wrong password take the same time and give the same error, and
        the attempts at both are limited in the same way.
        """
        self.guard.refuse_when_busy()
        async with self.read() as view:
            user = await view.users.find_by_login(login)
        attempt = PasswordAttempt.sign_in(login, user.id if user is not None else None, client.ip)
        async with self.guard.attempt(attempt):
            stored = user.password_hash if user is not None else None
            match = await match_password(self.hasher, stored, password)
            if user is None or match is PasswordMatch.NO:
                await self._record_failure(user, login)
                raise InvalidGrant
            rehashed = await self._rehashed(stored, password, match)
            opened = await self._open_session(user, rehashed, client)
            if isinstance(opened, InvalidGrant):
                raise opened
        return require_tokens(opened)

    async def refresh(self, encoded: str) -> Tokens:
        """Rotate the tokens of a session; a reused refresh token ends the session."""
        token = decode_refresh_token(encoded, *self.opener.policy.keys)
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

    async def _record_failure(self, user: User | None, login: str) -> None:
        known = SignInFailure.WRONG_PASSWORD
        reason = SignInFailure.UNKNOWN_LOGIN if user is None else known
        async with self.write() as tx:
            pseudonym = hashed_login(self.opener.policy.key, login)
            await record_failure(tx.audit, user, reason, pseudonym)

    async def _rehashed(
        self, stored: str | None, password: str, match: PasswordMatch
    ) -> str | None:
        outdated = stored is not None and self.hasher.is_outdated(stored)
        if outdated or match is PasswordMatch.OTHER_FORM:
            return await self.hasher.hash(normalized(password))
        return stored

    async def _open_session(
        self, user: User, password_hash: str | None, client: ClientInfo
    ) -> Tokens | SignInRefusal:
        """Open the session, unless the account has changed while the password was checked."""
        async with self.write() as tx:
            locked = await _unchanged(tx, user)
            if locked is None:
                await record_failure(tx.audit, user, SignInFailure.ACCOUNT_CHANGED, "")
                return InvalidGrant()
            if password_hash != locked.password_hash:
                locked = replace(locked, password_hash=password_hash)
                await tx.users.save(locked)
            return await self.opener.open(tx, locked, client, SignInMethod.PASSWORD)

    async def _rotate(self, token: RefreshToken) -> Tokens | None:
        """Return None to refuse the token; the transaction commits, as a reuse ends the session."""
        now = self.clock()
        async with self.write() as tx:
            session = await tx.sessions.find(token.session_id, lock=True)
            if session is None or session.expires_at <= now:
                return None
            idle = self.opener.policy.time_left(session.created_at, now=now)
            if idle <= timedelta():
                return None
            user = await tx.users.get(session.user_id)
            reuse = session.classify(token, now=now)
            if reuse is TokenReuse.REUSED or not user.may_sign_in(now):
                await tx.sessions.end(session.id, user_id=session.user_id)
                await record_refusal(tx.audit, session, reuse)
                return None
            successor = self.opener.policy.successor(token, session)
            if reuse is TokenReuse.CURRENT:
                await tx.sessions.save(session.rotated(successor, now=now, idle=idle))
        return self.opener.tokens(successor, session.user_id)


async def _principal(view: AuthView, claims: TokenClaims) -> Principal | None:
    if claims.actor_id is None:
        return await view.sessions.check(claims)
    rights = await view.sessions.acting_rights(claims)
    return None if rights is None else rights.principal(claims)


async def _unchanged(tx: OpeningTransaction, user: User) -> User | None:
    """Lock the account; None if it is gone, or has another password than the one checked."""
    try:
        locked = await tx.users.get(user.id, lock=True)
    except UserNotFound:
        return None
    return locked if locked.password_hash == user.password_hash else None
