"""Access tokens as signed JWTs: one type, one algorithm for each key, every claim checked."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import jwt

from jubilee.adapters.tokens.key_ring import KEY_ID, OpenedKeyRing
from jubilee.adapters.tokens.key_vault import AesKeyVault, PublicKey
from jubilee.domain.auth.tokens import InvalidToken, TokenClaims, TokenSigner, UnknownKey
from jubilee.domain.identity import SessionId, UserId
from jubilee.domain.signing_keys.key import KeyRing, SigningKey

SHARED = "HS256"
TYPE = "at+jwt"
CLAIMS = ["iss", "aud", "sub", "sid", "iat", "exp", "jti"]
MAX_CACHED_TOKENS = 10_000  # tokens; verifying one costs more than the rest of a small request
MAX_TOKEN_CHARS = 2048  # longer tokens are invalid
MAX_TIMESTAMP_S = 253_402_300_799  # since 1970: the end of the year 9999
CLOCK_SKEW_S = 60  # tolerated between the clocks of two instances

VerificationKey: TypeAlias = PublicKey | bytes


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token with a valid signature; times in seconds since 1970."""

    claims: TokenClaims
    issued: float
    expires: float


class JwtTokens(TokenSigner, KeyRing):
    """Signs with the ring's key; caches verified tokens and checks their times anew.

    While the ring has no key that signs, the first of the shared `secrets` does: 32 bytes or more,
    known to every instance. Tokens that any of them signed are valid.
    """

    def __init__(
        self,
        *secrets: bytes,
        issuer: str,
        audience: str,
        lifetime: int,
        ring: OpenedKeyRing | None = None,
    ) -> None:
        self._secrets = secrets
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime
        self._ring = ring or OpenedKeyRing(AesKeyVault(), None)
        self._known: OrderedDict[str, VerifiedToken] = OrderedDict()

    @property
    def lifetime(self) -> int:
        return self._lifetime

    @property
    def published(self) -> Sequence[str]:
        return self._ring.published

    def install(self, keys: Sequence[SigningKey]) -> Collection[str]:
        before = self._ring.ids
        opened = self._ring.install(keys)
        if before - set(opened):
            self._known.clear()  # a revoked key may have signed some of them
        return opened

    def sign(self, claims: TokenClaims, *, now: datetime, lifetime_s: int | None = None) -> str:
        issued = int(now.timestamp())
        lifetime = min(self._lifetime, lifetime_s or self._lifetime)
        payload = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(claims.user_id),
            "sid": str(claims.session_id),
            "iat": issued,
            "exp": issued + lifetime,
            "jti": uuid4().hex,
            **({} if claims.actor_id is None else {"act": {"sub": str(claims.actor_id)}}),
        }
        signer = self._ring.signer(now)
        if signer is None:
            return jwt.encode(payload, self._secrets[0], SHARED, headers={"typ": TYPE})
        headers = {"typ": TYPE, "kid": signer.key.id}
        return jwt.encode(payload, signer.private, signer.algorithm, headers=headers)

    def read(self, token: str, *, now: datetime) -> TokenClaims:
        known = self._known.get(token) or self._remember(token)
        at = now.timestamp()
        if known.expires <= at or known.issued > at + CLOCK_SKEW_S:
            self._known.pop(token, None)
            raise InvalidToken
        return known.claims

    def _remember(self, token: str) -> VerifiedToken:
        if len(token) > MAX_TOKEN_CHARS:
            raise InvalidToken
        try:
            known = self._decode(token)
        except (jwt.InvalidTokenError, LookupError, ValueError, TypeError, OverflowError) as error:
            raise InvalidToken from error
        self._known[token] = known
        if len(self._known) > MAX_CACHED_TOKENS:
            self._known.popitem(last=False)
        return known

    def _decode(self, token: str) -> VerifiedToken:
        """The key alone decides about the algorithm: a shared secret has no `kid`."""
        key_id = jwt.get_unverified_header(token).get("kid")
        if key_id is not None:
            return self._decode_published(token, key_id)
        for secret in self._secrets[:-1]:
            with suppress(jwt.InvalidSignatureError):
                return self._decode_signed(token, secret, SHARED)
        return self._decode_signed(token, self._secrets[-1], SHARED)

    def _decode_published(self, token: str, key_id: str) -> VerifiedToken:
        if KEY_ID.fullmatch(key_id) is None:
            raise InvalidToken
        found = self._ring.find(key_id)
        if found is None:
            raise UnknownKey
        return self._decode_signed(token, found.public, found.algorithm)

    def _decode_signed(self, token: str, key: VerificationKey, algorithm: str) -> VerifiedToken:
        decoded = jwt.decode_complete(
            token,
            key,
            algorithms=[algorithm],
            issuer=self._issuer,
            audience=self._audience,
            # `read` checks the times, by the clock it is given.
            options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
        )
        if decoded["header"].get("typ") != TYPE:
            raise InvalidToken
        payload = decoded["payload"]
        claims = TokenClaims(
            UserId(UUID(payload["sub"])), SessionId(UUID(str(payload["sid"]))), _actor(payload)
        )
        return VerifiedToken(claims, _timestamp(payload["iat"]), _timestamp(payload["exp"]))


def _actor(payload: Mapping[str, Any]) -> UserId | None:
    """Read `act` (RFC 8693, section 4.1); raises TypeError, KeyError or ValueError."""
    return UserId(UUID(str(payload["act"]["sub"]))) if "act" in payload else None


def _timestamp(claim: object) -> float:
    """Check a time in seconds since 1970; NaN is refused, as it would never expire."""
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        raise InvalidToken
    if not 0 <= claim <= MAX_TIMESTAMP_S:
        raise InvalidToken
    return float(claim)
