"""The chain of seals over the audit log: what is sealed cannot be changed without being noticed.

Each entry has a hash, and each seal covers the entries of a batch and the seal before it. How far
the chain reaches is signed with a key that the database does not have.

The client's address and user agent are in the hash only by `hash_client`, with a random salt: they
and the salt can be erased while the chain remains verifiable.
"""

import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from jubilee.domain.identity import UserId

START = bytes(32)
"""Digest before the first seal."""


@dataclass(frozen=True, slots=True)
class ChainKeys:
    """The key that signs how far the chain reaches, and previous ones that may have."""

    key: bytes = field(repr=False)
    previous: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def all(self) -> tuple[bytes, ...]:
        """All keys whose signatures are accepted."""
        return (self.key, *self.previous)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainedEntry:
    """An entry with what the chain needs; `client_salt` is None once the client is erased."""

    id: UUID
    event: str
    actor_id: UserId | None
    subject_id: UserId | None
    occurred_at: datetime
    request_id: str | None
    details: Mapping[str, str]
    address: str | None
    user_agent: str | None
    client_salt: bytes | None
    client_hash: bytes

    @property
    def is_erased(self) -> bool:
        """Whether the client's address and user agent are erased."""
        return self.client_salt is None

    @property
    def has_its_client(self) -> bool:
        """Whether the client is erased, or is the one that was recorded."""
        if self.client_salt is None:
            return self.address is None and self.user_agent is None
        found = hash_client(self.client_salt, self.address, self.user_agent)
        return hmac.compare_digest(found, self.client_hash)

    @property
    def hash(self) -> bytes:
        """SHA-256 of everything but what can be erased."""
        parts = [
            str(self.id),
            self.event,
            _text(self.actor_id),
            _text(self.subject_id),
            self.occurred_at.isoformat(),
            self.request_id,
            self.details,
            self.client_hash.hex(),
        ]
        return sha256(_encoded(parts)).digest()


@dataclass(frozen=True, slots=True)
class Seal:
    """A link of the chain; `entries` is the number of entries it covers."""

    number: int
    sealed_at: datetime
    entries: int
    digest: bytes


class MarkName(StrEnum):
    """How far the chain has been worked on."""

    SEALED = "sealed"
    ERASED = "erased"
    """Up to here the clients' addresses and user agents are erased."""
    PRUNED = "pruned"
    """Up to here entries and seals are deleted."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A seal up to which something is done, signed."""

    name: MarkName
    seal: int = 0
    digest: bytes = START
    signature: bytes = b""

    def moved(self, to: Seal, key: bytes) -> "Mark":
        """Return the mark at a later seal, signed with the key."""
        return replace(self, seal=to.number, digest=to.digest).signed(key)

    def signed(self, key: bytes) -> "Mark":
        """Return the mark with the signature of this key."""
        return replace(self, signature=_signature(self, key))

    def is_signed(self, keys: Iterable[bytes]) -> bool:
        """Return whether one of the keys has signed it; before the first seal none has."""
        if self.seal == 0:
            return self.digest == START
        return any(hmac.compare_digest(self.signature, _signature(self, key)) for key in keys)


def hash_client(salt: bytes, address: str | None, user_agent: str | None) -> bytes:
    """Return a hash of the client from which nothing can be told without the salt."""
    return sha256(salt + _encoded([address, user_agent])).digest()


def seal_after(
    number: int, digest: bytes, entries: Sequence[ChainedEntry], sealed_at: datetime
) -> Seal:
    """Return the seal after the one with this number and digest; the order of entries counts."""
    head = _encoded([number + 1, sealed_at.isoformat(), len(entries)])
    content = b"".join(entry.hash for entry in entries)
    covered = sha256(digest + sha256(head).digest() + content).digest()
    return Seal(number + 1, sealed_at, len(entries), covered)


def _signature(mark: Mark, key: bytes) -> bytes:
    return hmac.digest(key, _encoded([mark.name, mark.seal, mark.digest.hex()]), "sha256")


def _encoded(parts: object) -> bytes:
    return json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
