"""Instances of the service that share a database and its signing keys."""

import json
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import jwt

from jubilee.adapters.tokens.jwt_tokens import JwtTokens
from jubilee.adapters.tokens.key_ring import OpenedKeyRing
from jubilee.adapters.tokens.key_vault import AesKeyVault
from jubilee.domain.auth.tokens import InvalidToken, TokenClaims
from jubilee.domain.identity import SessionId, UserId
from jubilee.domain.signing_keys.changes import KeyPolicy
from jubilee.domain.signing_keys.key import KeyAlgorithm
from jubilee.domain.signing_keys.service import SigningKeyService
from jubilee.domain.signing_keys.upkeep import KeyUpkeep
from tests.contracts.conftest import Database
from tests.fakes.store import FakeClock

SECRET, OTHER_SECRET = b"s" * 32, b"o" * 32
PERIOD, LIFETIME = timedelta(days=90), timedelta(minutes=30)
CLAIMS = TokenClaims(UserId(uuid4()), SessionId(uuid4()))
EDDSA, ES256 = KeyAlgorithm.EDDSA, KeyAlgorithm.ES256


@dataclass(frozen=True, slots=True)
class Instance:
    """A process with its own keys in memory."""

    keys: SigningKeyService
    tokens: JwtTokens
    upkeep: KeyUpkeep
    clock: FakeClock

    def sign(self) -> str:
        return self.tokens.sign(CLAIMS, now=self.clock())

    def accepts(self, token: str) -> bool:
        try:
            return self.tokens.read(token, now=self.clock()) == CLAIMS
        except InvalidToken:
            return False

    @property
    def published(self) -> list[str]:
        return [json.loads(key)["kid"] for key in self.keys.published]


def instance(
    database: Database,
    clock: FakeClock,
    *secrets: bytes,
    algorithm: KeyAlgorithm | None = EDDSA,
) -> Instance:
    vault, policy = AesKeyVault(*secrets or [SECRET]), KeyPolicy(algorithm, PERIOD, LIFETIME)
    lifetime_s = int(LIFETIME.total_seconds())
    tokens = JwtTokens(
        b"k" * 32,
        issuer="here",
        audience="there",
        lifetime=lifetime_s,
        ring=OpenedKeyRing(vault, algorithm),
    )
    keys = SigningKeyService(database.write, database.read, vault, tokens, policy, clock)
    return Instance(keys, tokens, KeyUpkeep(database.write, vault, policy, clock), clock)


def kid(token: str) -> str | None:
    found: str | None = jwt.get_unverified_header(token).get("kid")
    return found
