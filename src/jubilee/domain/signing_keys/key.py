"""A key that signs access tokens, and the times that say what it is used for.

Instances need no message to agree: each reads the same times, and applies them by its clock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from jubilee.domain.seals import SealState

PUBLISHED_AHEAD = timedelta(minutes=10)
"""How long a key is published before it signs: verifiers may cache the published keys less long."""

UPGRADE_AHEAD = timedelta(hours=1)
"""The same for the first key of a service in use: older instances cannot verify its tokens."""

VERIFICATION_MARGIN = timedelta(minutes=10)
"""How long a key verifies after its last token has expired: clocks and reloads differ."""


class KeyAlgorithm(StrEnum):
    """Algorithms of keys with a public part."""

    EDDSA = "EdDSA"
    ES256 = "ES256"


class KeyState(StrEnum):
    """What a key is used for."""

    NEXT = "next"
    """It is published, and will sign."""
    SIGNING = "signing"
    RETIRED = "retired"
    """It verifies the tokens that it has signed."""


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """A generated key: `id` is the thumbprint of `public`, a JSON Web Key without spaces."""

    id: str
    algorithm: KeyAlgorithm
    public: str
    private: bytes = field(repr=False)
    """The private part, sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key and the times of its use; a missing end means that it has no successor yet."""

    material: KeyMaterial
    created_at: datetime
    signs_from: datetime
    signs_until: datetime | None = None
    verifies_until: datetime | None = None

    @property
    def id(self) -> str:
        """The `kid` of its tokens."""
        return self.material.id

    def state(self, now: datetime) -> KeyState:
        """Return what the key is used for now."""
        if self.signs_until is not None and self.signs_until <= now:
            return KeyState.RETIRED
        return KeyState.NEXT if now < self.signs_from else KeyState.SIGNING

    def ended(self, at: datetime, lifetime: timedelta) -> "SigningKey":
        """Return the key as it signs until `at` at most; `lifetime` is that of access tokens."""
        if self.signs_until is not None and self.signs_until <= at:
            return self
        verifies_until = at + lifetime + VERIFICATION_MARGIN
        return replace(self, signs_until=at, verifies_until=verifies_until)

    def has_expired(self, now: datetime) -> bool:
        """Return whether it verifies no token any more."""
        return self.verifies_until is not None and self.verifies_until <= now


def newest(keys: Sequence[SigningKey], algorithm: KeyAlgorithm | None) -> SigningKey | None:
    """Return the first of these keys that is of the algorithm; they are sorted, newest first."""
    return next((key for key in keys if key.material.algorithm is algorithm), None)


# Ports


class KeyVault(Protocol):
    """Generates keys and seals their private parts."""

    def generate(self, algorithm: KeyAlgorithm) -> KeyMaterial:
        """Return a new key."""

    def resealed(self, material: KeyMaterial) -> KeyMaterial | None:
        """Return the key sealed by the current secret; None if a previous one did not seal it."""

    def state(self, material: KeyMaterial) -> SealState:
        """Return which secret has sealed the key."""


class KeyRing(Protocol):
    """The keys that this process uses."""

    def install(self, keys: Sequence[SigningKey]) -> Collection[str]:
        """Use these keys instead of all before; return the ids of those that can be opened."""

    @property
    def published(self) -> Sequence[str]:
        """The public parts as JSON Web Keys, with `kid`, `alg` and `use`."""


class SigningKeyRepository(Protocol):
    """The stored keys."""

    async def all(self) -> Sequence[SigningKey]:
        """Return every key, the newest first."""

    async def lock(self) -> None:
        """Let other changes of keys wait until the end of the transaction."""

    async def has_sessions(self) -> bool:
        """Return whether an account is signed in: the version before may be in use."""

    async def add(self, key: SigningKey) -> None:
        """Insert the key."""

    async def save(self, key: SigningKey) -> None:
        """Update its times and its seal."""

    async def delete(self, ids: Collection[str]) -> None:
        """Delete the keys with these ids."""
