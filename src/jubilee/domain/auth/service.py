"""Signing in, staying signed in, signing out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from jubilee.domain.auth.sessions import (
    ClientInfo,
    Session,
    SessionNotFound,
    SessionRepository,
    TokenReuse,
)
from jubilee.domain.auth.tokens import (
    InvalidToken,
    RefreshToken,
    TokenClaims,
    TokenSigner,
    decode_refresh_token,
)
from jubilee.domain.clock import Clock
from jubilee.domain.errors import Invalid
from jubilee.domain.identity import NewId, Principal, SessionId, UserId
from jubilee.domain.passwords import PasswordHasher, PasswordMatch, match_password
from jubilee.domain.text import composed
from jubilee.domain.transaction import Begin
from jubilee.domain.users import User, UserNotFound, UserRepository


class InvalidGrant(Invalid):
    """The credentials or the refresh token are not valid."""

    code = "invalid_grant"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in gives: `lifetime` is that of the access token, in seconds."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    lifetime: int


class AuthTransaction(Protocol):
    """What signing in needs of a transaction."""

    @property
    def users(self) -> UserRepository:
        """The accounts."""

    @property
    def sessions(self) -> SessionRepository:
        """Their sessions."""


class SecretFactory(Protocol):
    """Gives 32 unguessable bytes."""

    def __call__(self) -> bytes:
        """Fresh ones at every call."""


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """How refresh tokens are signed and how long an unused session lives."""

    key: bytes = field(repr=False)
    idle: timedelta
    make_secret: SecretFactory


@dataclass(frozen=True, slots=True)
class AuthService:
    """Who is asking, and how they prove it."""

    write: Begin[AuthTransaction]
    read: Begin[AuthTransaction]
    hasher: PasswordHasher
    signer: TokenSigner
    refresh_policy: RefreshPolicy
    clock: Clock
    new_id: NewId

    async def authenticate(self, token: str) -> Principal:
        """Who bears the access token, as of this moment."""
        claims = self.signer.read(token, now=self.clock())
        async with self.read() as view:
            principal = await view.sessions.check(claims)
        if principal is None:
            raise InvalidToken
        return principal

    async def sign_in(self, login: str, password: str, client: ClientInfo) -> Tokens:
        """The same answer, after the same work, for an unknown account and a wrong password."""
        async with self.read() as view:
            user = await view.users.find_by_login(login)
        stored = user.password_hash if user is not None else None
        match = await match_password(self.hasher, stored, password)
        if user is None or match is PasswordMatch.NO or not user.is_active:
            raise InvalidGrant
        return await self._open_session(user, await self._rehashed(user, password, match), client)

    async def refresh(self, encoded: str) -> Tokens:
        """The next pair of tokens; one that was used before ends the whole session."""
        token = decode_refresh_token(encoded, self.refresh_policy.key)
        tokens = await self._rotate(token) if token is not None else None
        if tokens is None:
            raise InvalidGrant
        return tokens

    async def sign_out(self, principal: Principal) -> None:
        """End the session that asks."""
        async with self.write() as tx:
            await tx.sessions.end(principal.session_id, user_id=principal.user_id)

    async def sessions(self, principal: Principal) -> Sequence[Session]:
        """One's own sessions, newest first."""
        async with self.read() as view:
            return await view.sessions.list_for(principal.user_id)

    async def end_session(self, session_id: SessionId, *, by: Principal) -> None:
        """End one of one's own sessions."""
        async with self.write() as tx:
            if not await tx.sessions.end(session_id, user_id=by.user_id):
                raise SessionNotFound

    async def _rehashed(self, user: User, password: str, match: PasswordMatch) -> str | None:
        stored = user.password_hash
        outdated = stored is not None and self.hasher.is_outdated(stored)
        if outdated or match is PasswordMatch.AS_TYPED:
            return await self.hasher.hash(composed(password))
        return stored

    async def _open_session(
        self, user: User, password_hash: str | None, client: ClientInfo
    ) -> Tokens:
        token = RefreshToken(SessionId(self.new_id()), 1, self.refresh_policy.make_secret())
        session = self._session(token, user.id, client)
        async with self.write() as tx:
            locked = await _still_active(tx, user)
            if password_hash != locked.password_hash:
                await tx.users.save(replace(locked, password_hash=password_hash))
            await tx.sessions.prune(user.id, now=session.created_at)
            await tx.sessions.add(session)
        return self._tokens(token, user.id)

    def _session(self, token: RefreshToken, user_id: UserId, client: ClientInfo) -> Session:
        now = self.clock()
        return Session(
            id=token.session_id,
            user_id=user_id,
            generation=token.generation,
            token_hash=token.hash,
            rotated_at=now,
            expires_at=now + self.refresh_policy.idle,
            created_at=now,
            client=client,
        )

    async def _rotate(self, token: RefreshToken) -> Tokens | None:
        """None ends in a refusal, but commits: a reused token has to end its family."""
        now = self.clock()
        async with self.write() as tx:
            session = await tx.sessions.find(token.session_id, lock=True)
            if session is None or session.expires_at <= now:
                return None
            user = await tx.users.get(session.user_id)
            presented = session.classify(token, now=now)
            if presented is TokenReuse.REUSED or not user.is_active:
                await tx.sessions.end(session.id, user_id=session.user_id)
                return None
            successor = token.successor(self.refresh_policy.key)
            if presented is TokenReuse.CURRENT:
                idle = self.refresh_policy.idle
                await tx.sessions.save(session.rotated(successor, now=now, idle=idle))
        return self._tokens(successor, session.user_id)

    def _tokens(self, refresh: RefreshToken, user_id: UserId) -> Tokens:
        claims = TokenClaims(user_id, refresh.session_id)
        return Tokens(
            access=self.signer.sign(claims, now=self.clock()),
            refresh=refresh.encode(self.refresh_policy.key),
            lifetime=self.signer.lifetime,
        )


async def _still_active(tx: AuthTransaction, user: User) -> User:
    """The account, locked; while its password was checked, it may have changed or gone."""
    try:
        locked = await tx.users.get(user.id, lock=True)
    except UserNotFound as error:
        raise InvalidGrant from error
    if not locked.is_active or locked.password_hash != user.password_hash:
        raise InvalidGrant
    return locked
