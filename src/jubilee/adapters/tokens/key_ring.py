"""The signing keys that this process has opened."""

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jubilee.adapters.tokens.key_vault import AesKeyVault, PrivateKey, PublicKey
from jubilee.domain.signing_keys.key import KeyAlgorithm, KeyRing, SigningKey

KEY_ID = re.compile(r"[A-Za-z0-9_-]{43}")
"""The thumbprints that `kid` has; nothing else is looked up."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenedKey:
    """A key with its parts as they are used."""

    key: SigningKey
    private: PrivateKey = field(repr=False)
    public: PublicKey

    @property
    def algorithm(self) -> str:
        """The `alg` of its tokens."""
        return self.key.material.algorithm.value

    @property
    def jwk(self) -> str:
        """The public part as it is published."""
        members = f'"kid":"{self.key.id}","alg":"{self.algorithm}","use":"sig"'
        return f"{self.key.material.public[:-1]},{members}}}"

    def signs(self, now: datetime) -> bool:
        """Return whether it signs tokens now."""
        until = self.key.signs_until
        return self.key.signs_from <= now and (until is None or now < until)


class OpenedKeyRing(KeyRing):
    """Signs with the newest key of the `algorithm`; keys of others verify.

    A key that cannot be opened is not used at all, so that a row in the database makes no token
    valid without a secret of the service.
    """

    def __init__(self, vault: AesKeyVault, algorithm: KeyAlgorithm | None) -> None:
        self._vault = vault
        self._algorithm = algorithm
        self._opened: dict[str, OpenedKey] = {}
        self._refused: set[str] = set()

    def install(self, keys: Sequence[SigningKey]) -> Collection[str]:
        opened = {}
        for key in keys:
            known = self._opened.get(key.id)
            private = known.private if known else self._vault.open(key.material)
            if private is not None:
                opened[key.id] = OpenedKey(key, private, private.public_key())
        refused = {key.id for key in keys} - opened.keys()
        for key_id in refused - self._refused:
            logger.warning("signing key cannot be opened", extra={"kid": key_id})
        self._opened, self._refused = opened, refused
        return opened.keys()

    @property
    def ids(self) -> frozenset[str]:
        """The `kid` of each key."""
        return frozenset(self._opened)

    @property
    def published(self) -> Sequence[str]:
        return [opened.jwk for opened in self._opened.values()]

    def find(self, key_id: str) -> OpenedKey | None:
        """Return the key that verifies the tokens of this `kid`."""
        return self._opened.get(key_id)

    def signer(self, now: datetime) -> OpenedKey | None:
        """Return the key that signs now; None if there is none."""
        able = [
            opened
            for opened in self._opened.values()
            if opened.key.material.algorithm is self._algorithm and opened.signs(now)
        ]
        return max(able, key=lambda opened: opened.key.signs_from, default=None)
