"""Access tokens as signed JWTs: one algorithm, one type, every claim checked."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import jwt

from jubilee.domain.auth.tokens import InvalidToken, TokenClaims, TokenSigner
from jubilee.domain.identity import SessionId, UserId

ALGORITHM = "HS256"
TYPE = "at+jwt"
CLAIMS = ["iss", "aud", "sub", "sid", "iat", "exp", "jti"]
CACHE_SIZE = 10_000  # tokens; checking a signature costs more than the rest of a small request
MAX_TOKEN_CHARS = 2048  # characters of a token that is looked at
LAST_MOMENT = 253_402_300_799  # seconds since 1970: the end of the year 9999
CLOCK_SKEW_S = 60  # seconds by which the clocks of two instances may differ


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token whose signature has been checked; the moments are seconds since 1970."""

    claims: TokenClaims
    issued: float
    expires: float


class JwtTokens(TokenSigner):
    """Signs with a key of 32 bytes or more; remembers what it has checked, but for its expiry."""

    def __init__(self, key: bytes, *, issuer: str, audience: str, lifetime: int) -> None:
        self._key = key
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
        return jwt.encode(payload, self._key, ALGORITHM, headers={"typ": TYPE})

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
        if len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)
        return known

    def _decode(self, token: str) -> VerifiedToken:
        decoded = jwt.decode_complete(
            token,
            self._key,
            algorithms=[ALGORITHM],
            issuer=self._issuer,
            audience=self._audience,
            # The moments are looked at in `read`, by our own clock.
            options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
        )
        if decoded["header"].get("typ") != TYPE:
            raise InvalidToken
        payload = decoded["payload"]
        claims = TokenClaims(UserId(UUID(payload["sub"])), SessionId(UUID(str(payload["sid"]))))
        return VerifiedToken(claims, _moment(payload["iat"]), _moment(payload["exp"]))


def _moment(claim: object) -> float:
    """Seconds since 1970; nothing is later than NaN, so such a token would never expire."""
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        raise InvalidToken
    if not 0 <= claim <= LAST_MOMENT:
        raise InvalidToken
    return float(claim)
