"""Requests with an idempotency key, the errors that refuse one, and the ports to their answers."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from jubilee.domain.errors import Conflict, Invalid
from jubilee.domain.identity import UserId

MAX_ANSWER_BYTES = 131_072
"""More than any answer has: the data of a task are the largest part, with 64 KiB."""


class IdempotencyKeyInUse(Conflict):
    """A request with this `Idempotency-Key` is still being served."""

    code = "idempotency_key_in_use"
    retry_after_s = 1


class IdempotencyKeyReused(Invalid):
    """This `Idempotency-Key` was used for a request with other content."""

    code = "idempotency_key_reused"


class AnswerTooLarge(Exception):
    """The answer exceeds MAX_ANSWER_BYTES: a fault of the endpoint, so nothing is committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """A request with an idempotency key."""

    scope: str
    """Caller, method and path; the same key in another scope is another key."""
    key: str = field(repr=False)
    fingerprint: bytes = field(repr=False)
    """Hash of the content: only a request with the same one gets the stored answer."""

    @property
    def id(self) -> bytes:
        """Hash of scope and key that names the stored answer; the key itself is not stored."""
        return sha256(f"{self.scope}\n{self.key}".encode()).digest()


@dataclass(frozen=True, slots=True)
class Answer:
    """A rendered answer, and the account whose data it contains; it is deleted with the account."""

    content: bytes = field(repr=False)
    account: UserId | None


# Ports


class AnswerReader(Protocol):
    """Reads stored answers, which are sealed."""

    async def find(self, request_id: bytes) -> bytes | None:
        """Return the answer, or None if there is none."""


class AnswerRepository(AnswerReader, Protocol):
    """The stored answers in a transaction."""

    async def claim(self, request_id: bytes) -> bytes | None:
        """Lock the request until the transaction ends; return its answer if it has one.

        Never waits: raises IdempotencyKeyInUse if another transaction holds the lock.
        """

    async def add(self, request_id: bytes, sealed: bytes, account: UserId | None) -> None:
        """Store the answer; raise IdempotencyKeyInUse if the request has one."""


class AnswerView(Protocol):
    """The view that stored answers are read from."""

    @property
    def answers(self) -> AnswerReader:
        """The stored answers."""


class AnswerTransaction(Protocol):
    """A transaction that can store the answer of its request."""

    @property
    def answers(self) -> AnswerRepository:
        """The stored answers."""


class AnswerCipher(Protocol):
    """Encrypts answers so that only a repetition of the request can be answered with them."""

    def seal(self, request: KeyedRequest, content: bytes) -> bytes:
        """Encrypt the answer to the request."""

    def open(self, request: KeyedRequest, sealed: bytes) -> bytes:
        """Decrypt the answer; raise IdempotencyKeyReused if it belongs to other content."""
