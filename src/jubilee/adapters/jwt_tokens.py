"""Access tokens as signed JWTs: one algorithm, one type, every claim checked."""

from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import jwt

from jubilee.domain.auth.tokens import InvalidToken, TokenClaims, TokenSigner
from jubilee.domain.identity import SessionId, UserId

ALGORITHM = "HS256"
TYPE = "at+jwt"
CLAIMS = ["iss", "aud", "sub", "sid", "iat", "exp", "jti"]
MAX_CACHED_TOKENS = 10_000  # tokens; verifying one costs more than the rest of a small request
MAX_TOKEN_CHARS = 2048  # longer tokens are invalid
MAX_TIMESTAMP_S = 253_402_300_799  # since 1970: the end of the year 9999
CLOCK_SKEW_S = 60  # tolerated between the clocks of two instances


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token with a valid signature; times in seconds since 1970."""

    claims: TokenClaims
    issued: float
    expires: float


class JwtTokens(TokenSigner):
    """Signs with the first key; caches verified tokens and checks their times anew.

    Keys have 32 bytes or more; tokens that any of them signed are valid.
    """

    def __init__(self, *keys: bytes, issuer: str, audience: str, lifetime: int) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime
        self._known: OrderedDict[str, VerifiedToken] = OrderedDict()

    @property
    def lifetime(self) -> int:
        return self._lifetime

    def sign(self, claims: TokenClaims, *, now: datetime) -> str:
        issued = int(now.timestamp())
        payload = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(claims.user_id),
            "sid": str(claims.session_id),
            "iat": issued,
            "exp": issued + self._lifetime,
            "jti": uuid4().hex,
        }
        return jwt.encode(payload, self._keys[0], ALGORITHM, headers={"typ": TYPE})

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
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as error:
            raise InvalidToken from error
        self._known[token] = known
        if len(self._known) > MAX_CACHED_TOKENS:
            self._known.popitem(last=False)
        return known

    def _decode(self, token: str) -> VerifiedToken:
        for key in self._keys[:-1]:
            with suppress(jwt.InvalidSignatureError):
                return self._decode_signed(token, key)
        return self._decode_signed(token, self._keys[-1])

    def _decode_signed(self, token: str, key: bytes) -> VerifiedToken:
        decoded = jwt.decode_complete(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=self._issuer,
            audience=self._audience,
            # `read` checks the times, by the clock it is given.
            options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
        )
        if decoded["header"].get("typ") != TYPE:
            raise InvalidToken
        payload = decoded["payload"]
        claims = TokenClaims(UserId(UUID(payload["sub"])), SessionId(UUID(str(payload["sid"]))))
        return VerifiedToken(claims, _timestamp(payload["iat"]), _timestamp(payload["exp"]))


def _timestamp(claim: object) -> float:
    """Check a time in seconds since 1970; NaN is refused, as it would never expire."""
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        raise InvalidToken
    if not 0 <= claim <= MAX_TIMESTAMP_S:
        raise InvalidToken
    return float(claim)
