"""The metadata and keys of an OpenID Connect issuer, cached."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from jubilee.adapters.oidc.client import OK, ProviderClient
from jubilee.domain.identities.identity import ProviderUnavailable

METADATA_S = 3600.0  # for which metadata and keys are used without being read again
KEYS_PAUSE_S = 30.0  # between two reads of keys for an unknown `kid`, which a client may invent
WELL_KNOWN = "/.well-known/openid-configuration"
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class IssuerEndpoints:
    """The addresses of an issuer, and how clients authenticate there."""

    authorization: str
    token: str
    userinfo: str | None
    keys: str
    takes_basic: bool
    """Whether the token endpoint takes HTTP Basic."""
    names_itself: bool
    """Whether answers to the browser have `iss` (RFC 9207)."""


class IssuerDirectory:
    """Reads metadata and keys of an issuer when they are needed; old ones serve in an outage."""

    def __init__(self, issuer: str, client: ProviderClient, elapsed: Callable[[], float]) -> None:
        self._issuer = issuer
        self._client = client
        self._elapsed = elapsed
        self._endpoints: IssuerEndpoints | None = None
        self._read_at = 0.0
        self._keys: Sequence[jwt.PyJWK] = ()
        self._keys_at: float | None = None
        self._lock = asyncio.Lock()

    async def endpoints(self) -> IssuerEndpoints:
        """Return the metadata; raise ProviderUnavailable."""
        async with self._lock:
            known, age = self._endpoints, self._elapsed() - self._read_at
            if known is None or age >= METADATA_S:
                try:
                    self._endpoints = known = await self._discover()
                except ProviderUnavailable:
                    if known is None:
                        raise
                self._read_at = self._elapsed()
            return known

    async def key(self, key_id: str | None) -> jwt.PyJWK | None:
        """Return the key of this `kid`, or the only one; unknown ones are read now and then."""
        endpoints = await self.endpoints()
        async with self._lock:
            found, now = self._find(key_id), self._elapsed()
            age = METADATA_S if self._keys_at is None else now - self._keys_at
            if age >= METADATA_S or (found is None and age >= KEYS_PAUSE_S):
                self._keys_at = now
                try:
                    self._keys = await self._read_keys(endpoints.keys)
                except ProviderUnavailable:
                    if found is None:
                        raise
                found = self._find(key_id)
            return found

    def _find(self, key_id: str | None) -> jwt.PyJWK | None:
        if key_id is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.key_id == key_id), None)

    async def _read_keys(self, url: str) -> Sequence[jwt.PyJWK]:
        answer = await self._client.get(url)
        try:
            return jwt.PyJWKSet.from_dict(dict(answer.members)).keys
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise ProviderUnavailable(reason="it has no usable keys") from error

    async def _discover(self) -> IssuerEndpoints:
        answer = await self._client.get(self._issuer.rstrip("/") + WELL_KNOWN)
        found = answer.members
        if answer.status != OK or found.get("issuer") != self._issuer:
            raise ProviderUnavailable(reason="its metadata are of another issuer, or missing")
        methods = found.get("token_endpoint_auth_methods_supported")
        return IssuerEndpoints(
            authorization=_url(found, "authorization_endpoint"),
            token=_url(found, "token_endpoint"),
            userinfo=_url(found, "userinfo_endpoint") if "userinfo_endpoint" in found else None,
            keys=_url(found, "jwks_uri"),
            takes_basic=not isinstance(methods, list) or "client_secret_basic" in methods,
            names_itself=found.get("authorization_response_iss_parameter_supported") is True,
        )


def _url(metadata: Mapping[str, Any], name: str) -> str:
    value = metadata.get(name)
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        raise ProviderUnavailable(reason=f"its metadata have no {name}")
    return value
