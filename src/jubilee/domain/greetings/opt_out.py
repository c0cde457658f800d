"""Turning greetings off by the link that each of them has, without signing in."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from typing import Protocol
from uuid import UUID

from jubilee.domain.clock import Clock
from jubilee.domain.identity import UserId
from jubilee.domain.one_time.link import InvalidLink
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserRepository
from jubilee.domain.users.user import UserNotFound

TAG_BYTES = 16
ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class OptOutTokens:
    """Tokens that turn an account's greetings off, and nothing else; they do not expire."""

    key: bytes = field(repr=False)
    previous_keys: tuple[bytes, ...] = field(default=(), repr=False)

    def sign(self, user_id: UserId) -> str:
        """Return the token of an account."""
        return _signed(self.key, user_id)

    def read(self, token: str) -> UserId:
        """Return the account of a token; raise InvalidLink."""
        try:
            given = token.encode("ascii")
            raw = urlsafe_b64decode(given + b"=" * (-len(given) % 4))
        except ValueError:
            raise InvalidLink from None
        if len(raw) != ID_BYTES + TAG_BYTES:
            raise InvalidLink
        user_id = UserId(UUID(bytes=raw[:ID_BYTES]))
        keys = (self.key, *self.previous_keys)
        if not any(hmac.compare_digest(_signed(key, user_id).encode(), given) for key in keys):
            raise InvalidLink
        return user_id


class OptOutTransaction(Protocol):
    """The transaction that turns greetings off."""

    @property
    def users(self) -> UserRepository:
        """The accounts."""


@dataclass(frozen=True, slots=True)
class OptOutService:
    """Turns greetings off."""

    write: Begin[OptOutTransaction]
    tokens: OptOutTokens
    clock: Clock

    async def stop(self, token: str) -> None:
        """Turn the greetings of an account off, also repeatedly; raise InvalidLink."""
        user_id = self.tokens.read(token)
        async with self.write() as tx:
            try:
                user = await tx.users.get(user_id, lock=True)
            except UserNotFound:
                raise InvalidLink from None
            if user.birthday_greeting:
                changed = replace(user, birthday_greeting=False, updated_at=self.clock())
                await tx.users.save(changed)


def _signed(key: bytes, user_id: UserId) -> str:
    tag = hmac.digest(key, b"opt-out" + user_id.bytes, "sha256")[:TAG_BYTES]
    return urlsafe_b64encode(user_id.bytes + tag).decode().rstrip("=")
