"""API tokens in memory."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import datetime

from jubilee.domain.api_tokens.token import (
    LAST_USE_PRECISION,
    MAX_GRANTED_TOKENS,
    ApiToken,
    ApiTokenId,
    ApiTokenReader,
    ApiTokenRepository,
    ApiTokenUse,
)
from jubilee.domain.clock import Clock
from jubilee.domain.identity import Credential, Principal, UserId
from jubilee.domain.paging import Page, Position
from jubilee.domain.scopes import Scope
from jubilee.domain.users.user import User
from tests.fakes.roles import FakeRoles
from tests.fakes.rows import FakeUnitOfWork, unique_violation


@dataclass(frozen=True, slots=True)
class FakeApiTokens(ApiTokenReader, ApiTokenRepository):
    """Tokens in a dict."""

    rows: MutableMapping[ApiTokenId, ApiToken]
    users: MutableMapping[UserId, User]
    clock: Clock
    unit: FakeUnitOfWork
    roles: FakeRoles

    async def check(self, token_hash: bytes) -> ApiTokenUse | None:
        now = self.clock()
        for token in self.rows.values():
            user = self.users[token.user_id]
            if token.token_hash == token_hash and token.expires_at > now and user.may_sign_in(now):
                last = token.last_used_at
                is_stale = last is None or last < now - LAST_USE_PRECISION
                rights = await self.roles.rights(user.id)
                return ApiTokenUse(_principal(token, user, rights), token.id, is_stale)
        return None

    async def page(self, user_id: UserId, *, after: Position | None, limit: int) -> Page[ApiToken]:
        own = [t for t in self._listed(user_id) if after is None or _position(t) < after]
        rows = sorted(own, key=_position, reverse=True)
        more = len(rows) > limit
        return Page(rows[:limit], _position(rows[limit - 1]) if more else None)

    async def add(self, token: ApiToken) -> None:
        self.unit.check(token.name)
        self.unit.require_lock("user", token.user_id)
        await self.unit.hold("owner", token.user_id, shared=True)
        self.unit.require_row(self.users, token.user_id, "fk_api_tokens_user_id")
        if any(known.token_hash == token.token_hash for known in self.rows.values()):
            raise self.unit.fail(unique_violation("uq_api_tokens_token_hash"))
        self.rows[token.id] = token

    async def count(self, user_id: UserId) -> int:
        await self.unit.read("user", user_id, lock=False)
        return len(self._listed(user_id))

    async def drop_expired(self, user_id: UserId, *, now: datetime) -> None:
        for token in self._own(user_id):
            if token.expires_at <= now:
                del self.rows[token.id]

    async def prune_granted(self, user_id: UserId) -> None:
        granted = [token for token in self._own(user_id) if token.is_granted]
        for token in sorted(granted, key=_position, reverse=True)[MAX_GRANTED_TOKENS - 1 :]:
            del self.rows[token.id]

    async def delete(self, token_id: ApiTokenId, *, user_id: UserId) -> bool:
        await self.unit.hold("api_token", token_id)
        token = self.rows.get(token_id)
        if token is None or token.user_id != user_id:
            return False
        del self.rows[token_id]
        return True

    async def delete_of(self, user_id: UserId) -> int:
        own = self._own(user_id)
        for token in own:
            await self.delete(token.id, user_id=user_id)
        return len(own)

    def _listed(self, user_id: UserId) -> list[ApiToken]:
        return [token for token in self._own(user_id) if not token.is_granted]

    def _own(self, user_id: UserId) -> list[ApiToken]:
        return [token for token in self.rows.values() if token.user_id == user_id]


def _position(token: ApiToken) -> Position:
    return token.created_at.isoformat(), str(token.id)


def _principal(token: ApiToken, user: User, rights: frozenset[Scope]) -> Principal:
    return Principal(
        user.id,
        None,
        is_admin=user.is_superuser and Scope.ADMIN in token.scopes,
        credential=Credential.API_TOKEN,
        scopes=token.scopes,
        rights=rights,
    )
