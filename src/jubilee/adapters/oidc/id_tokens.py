"""Verification of ID tokens and logout tokens (JWT) by the keys of their issuer."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from jubilee.adapters.oidc.discovery import ALGORITHMS, IssuerDirectory
from jubilee.domain.identities.provider import LogoutNotice

CLOCK_SKEW_S = 60
MAX_TOKEN_CHARS = 32_768
MAX_SUBJECT_CHARS = 255
MAX_LOGOUT_AGE = timedelta(minutes=10)
"""How old an accepted logout token may be, and how long its id is kept."""

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
ID_TOKEN = ("iss", "sub", "aud", "exp", "iat", "nonce")
LOGOUT_TOKEN = ("iss", "sub", "aud", "iat", "jti", "events")


class TokenRefused(Exception):
    """The token is not valid."""


class TokenVerifier:
    """Verifies the tokens that an issuer has made for this client."""

    def __init__(self, directory: IssuerDirectory, issuer: str, client_id: str) -> None:
        self._directory = directory
        self._issuer = issuer
        self._client_id = client_id

    async def id_token(self, token: str, nonce: str) -> dict[str, Any]:
        """Return the claims; raise TokenRefused."""
        claims = await self._verified(token, ID_TOKEN)
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise TokenRefused("nonce")
        return claims

    async def logout(self, token: str) -> LogoutNotice:
        """Verify by OpenID Connect Back-Channel Logout 1.0, section 2.6; raise TokenRefused."""
        claims = await self._verified(token, LOGOUT_TOKEN)
        events = claims["events"]
        is_logout = isinstance(events, dict) and isinstance(events.get(LOGOUT_EVENT), dict)
        if not is_logout or "nonce" in claims:
            raise TokenRefused("events")
        issued = _moment(claims["iat"])
        if issued + MAX_LOGOUT_AGE < datetime.now(UTC):
            raise TokenRefused("iat")
        expires_at = issued + MAX_LOGOUT_AGE + timedelta(seconds=CLOCK_SKEW_S)
        return LogoutNotice(self._issuer, claims["sub"], str(claims["jti"]), expires_at)

    async def _verified(self, token: str, required: Sequence[str]) -> dict[str, Any]:
        try:
            return await self._decoded(token, required)
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise TokenRefused(type(error).__name__) from error

    async def _decoded(self, token: str, required: Sequence[str]) -> dict[str, Any]:
        if len(token) > MAX_TOKEN_CHARS:
            raise TokenRefused("length")
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise TokenRefused("alg")
        key = await self._directory.key(header.get("kid"))
        if key is None:
            raise TokenRefused("kid")
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[header["alg"]],
            issuer=self._issuer,
            audience=self._client_id,
            leeway=CLOCK_SKEW_S,
            options={"require": list(required)},
        )
        self._check_party(claims)
        _check_subject(claims["sub"])
        return claims

    def _check_party(self, claims: Mapping[str, Any]) -> None:
        """Require that a token for several clients was issued to this one; raise TokenRefused."""
        party = claims.get("azp", self._client_id)
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if party != self._client_id or (several and "azp" not in claims):
            raise TokenRefused("azp")


def _moment(seconds: float | str) -> datetime:
    """Return a time of a token, which the library accepts as text, too; raise TokenRefused."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise TokenRefused("iat") from error


def _check_subject(subject: str) -> None:
    is_short = 0 < len(subject) <= MAX_SUBJECT_CHARS
    if not (is_short and subject.isascii() and subject.isprintable()):
        raise TokenRefused("sub")
