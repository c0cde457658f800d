"""Access and refresh tokens: what they say and how one follows from another."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from jubilee.domain.errors import NotAuthenticated
from jubilee.domain.identity import SessionId, UserId

TAG_BYTES = 16  # bytes of the token's own signature
SECRET_BYTES = 32  # bytes


class InvalidToken(NotAuthenticated):
    """The access token is not valid, or its session has ended."""

    code = "invalid_token"


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """All that a token is trusted for; who may do what is asked of the database every time."""

    user_id: UserId
    session_id: SessionId


class TokenSigner(Protocol):
    """Makes and reads access tokens."""

    def sign(self, claims: TokenClaims, *, now: datetime) -> str:
        """A token that lives for `lifetime` seconds."""

    def read(self, token: str, *, now: datetime) -> TokenClaims:
        """Raises InvalidToken where it is forged, expired or meant for somebody else."""

    @property
    def lifetime(self) -> int:
        """Seconds."""


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A secret of one session; its signature tells an old one of ours from a made-up one."""

    session_id: SessionId
    generation: int
    secret: bytes = field(repr=False)

    def encode(self, key: bytes) -> str:
        """The token as the client holds it."""
        body = self.session_id.bytes + self.generation.to_bytes(4, "big") + self.secret
        return urlsafe_b64encode(body + _tag(key, body)).decode().rstrip("=")

    def successor(self, key: bytes) -> "RefreshToken":
        """The next one; whoever presents this token twice gets the same."""
        generation = self.generation + 1
        seed = self.session_id.bytes + generation.to_bytes(4, "big") + self.secret
        secret = hmac.digest(key, b"successor" + seed, "sha256")
        return RefreshToken(self.session_id, generation, secret)

    @property
    def hash(self) -> bytes:
        """What is stored of it; the secret has 256 bits, so a plain hash will do."""
        return sha256(self.secret).digest()


def decode_refresh_token(token: str, key: bytes) -> RefreshToken | None:
    """The token, or None where we never made it."""
    try:
        given = token.encode("ascii")
        body = urlsafe_b64decode(given + b"=" * (-len(given) % 4))[:-TAG_BYTES]
    except ValueError:  # not ASCII, not Base64
        return None
    if len(body) != 16 + 4 + SECRET_BYTES:
        return None
    session_id, generation = SessionId(UUID(bytes=body[:16])), int.from_bytes(body[16:20], "big")
    read = RefreshToken(session_id, generation, body[20:])
    # The whole text, not the bytes: Base64 has many spellings of the same ones.
    return read if hmac.compare_digest(read.encode(key).encode(), given) else None


def _tag(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"refresh" + body, "sha256")[:TAG_BYTES]
