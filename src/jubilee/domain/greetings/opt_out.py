"""Turning greetings off by the link that each of them has, without signing in."""

from dataclasses import dataclass, field, replace
from typing import Protocol
from uuid import UUID

from jubilee.domain.base64url import decode_canonical, encode_base64url
from jubilee.domain.clock import Clock
from jubilee.domain.identity import UserId
from jubilee.domain.one_time.link import InvalidLink
from jubilee.domain.signatures import is_signed, signature
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserRepository
from jubilee.domain.users.user import UserNotFound

ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class OptOutTokens:
    """Tokens that turn an account's greetings off, and nothing else; they do not expire."""

    key: bytes = field(repr=False)
    previous_keys: tuple[bytes, ...] = field(default=(), repr=False)

    def sign(self, user_id: UserId) -> str:
        """Return the token of an account."""
        return encode_base64url(user_id.bytes + signature(self.key, _content(user_id.bytes)))

    def read(self, token: str) -> UserId:
        """Return the account of a token; raise InvalidLink."""
        try:
            raw = decode_canonical(token)
        except ValueError:
            raise InvalidLink from None
        account, found = raw[:ID_BYTES], raw[ID_BYTES:]
        if not is_signed(_content(account), found, (self.key, *self.previous_keys)):
            raise InvalidLink
        return UserId(UUID(bytes=account))


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


def _content(account: bytes) -> bytes:
    return b"opt-out" + account
