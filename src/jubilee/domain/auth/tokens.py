"""Access tokens' claims, and refresh tokens: encoding, signature and rotation."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from jubilee.domain.base64url import decode_canonical, encode_base64url
from jubilee.domain.errors import Invalid, NotAuthenticated
from jubilee.domain.identity import SessionId, UserId
from jubilee.domain.signatures import SIGNATURE_BYTES, is_signed, signature

SECRET_BYTES = 32
FIRST_GENERATION = 1
IMPERSONATION_S = 900
"""Longest duration of an access token by which one account acts as another."""


class InvalidGrant(Invalid):
    """The credentials or the refresh token are not valid."""

    code = "invalid_grant"


class InvalidToken(NotAuthenticated):
    """The access token is not valid, or its session has ended."""

    code = "invalid_token"


class UnknownKey(InvalidToken):
    """The access token is signed with a key that this process has not loaded."""


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """The ids in an access token; rights are read from the database at every request."""

    user_id: UserId
    session_id: SessionId
    actor_id: UserId | None = None
    """The account that acts as `user_id`; the session is its own then."""


# Ports


class TokenSigner(Protocol):
    """Signs and verifies access tokens."""

    def sign(self, claims: TokenClaims, *, now: datetime, lifetime_s: int | None = None) -> str:
        """Return a token that expires after `lifetime` seconds, or `lifetime_s` if that is less."""

    def read(self, token: str, *, now: datetime) -> TokenClaims:
        """Verify a token; raise InvalidToken if it is forged, expired or for another audience.

        Raises UnknownKey for one whose key another instance may have added.
        """

    @property
    def lifetime(self) -> int:
        """Seconds from signing to expiry."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of a session; its signature proves that this service issued it."""

    session_id: SessionId
    generation: int
    secret: bytes = field(repr=False)

    def encode(self, key: bytes) -> str:
        """Return the signed token in URL-safe Base64."""
        body = self.session_id.bytes + self.generation.to_bytes(4, "big") + self.secret
        return encode_base64url(body + signature(key, _content(body)))

    def successor(self, key: bytes) -> "RefreshToken":
        """Derive the next token; deterministic, so that a repeated refresh returns the same."""
        generation = self.generation + 1
        seed = self.session_id.bytes + generation.to_bytes(4, "big") + self.secret
        secret = hmac.digest(key, b"successor" + seed, "sha256")
        return RefreshToken(self.session_id, generation, secret)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the secret, as stored; 256 random bits need no slow hash."""
        return sha256(self.secret).digest()


def decode_refresh_token(token: str, *keys: bytes) -> RefreshToken | None:
    """Verify and decode a token; return None if it was signed with none of these keys."""
    try:
        raw = decode_canonical(token)
    except ValueError:
        return None
    body, found = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
    if len(body) != 16 + 4 + SECRET_BYTES or not is_signed(_content(body), found, keys):
        return None
    session_id, generation = SessionId(UUID(bytes=body[:16])), int.from_bytes(body[16:20], "big")
    return RefreshToken(session_id, generation, body[20:])


def _content(body: bytes) -> bytes:
    return b"refresh" + body
