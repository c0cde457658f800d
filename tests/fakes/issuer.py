"""An issuer of OpenID Connect without a network, which answers as a test says."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from time import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)

from jubilee.domain.identities.exchange import challenge_of
from jubilee.domain.outbound.address_policy import AddressFilter
from jubilee.domain.outbound.request import HttpRequest
from jubilee.domain.outbound.sending import HttpReply, HttpSender, Unreachable

ISSUER = "https://issuer.example"
CLIENT_ID = "jubilee"
KEY_ID = "k1"


def _key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


@dataclass(slots=True)
class FakeIssuer(HttpSender):
    """Signs with ES256; takes each code once, with the verifier of its authorization."""

    key: EllipticCurvePrivateKey = field(default_factory=_key)
    claims: dict[str, Any] = field(default_factory=dict)
    """Claims of the person, and of ID tokens in place of right ones; None leaves one out."""
    headers: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    reply: Callable[[HttpRequest], HttpReply | None] = lambda _: None
    """Answers a request instead; raises Unreachable for a dead issuer."""
    requests: list[HttpRequest] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def sign_in(self, url: str, **claims: object) -> dict[str, str]:
        """Sign in at the address of an authorization request; return the query of the callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        self.claims |= claims
        return {"code": code, "state": asked["state"]}

    def token(self, **claims: object) -> str:
        """Return a signed token."""
        now = int(time())
        given = {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "sub": "zoe-1",
            "iat": now,
            "exp": now + 300,
            **claims,
            **self.claims,
        }
        found = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(found, self.key, "ES256", headers={"kid": KEY_ID, **self.headers})

    async def send(self, request: HttpRequest, allows: AddressFilter) -> HttpReply:
        del allows
        self.requests.append(request)
        answer = self.reply(request)
        if answer is not None:
            return answer
        match request.target.partition("?")[0]:
            case "/.well-known/openid-configuration":
                return found(self._metadata())
            case "/jwks":
                return found({"keys": [self.jwk()]})
            case "/token":
                return self._exchange(request)
            case _:
                return HttpReply(404, {}, b"{}", truncated=False)

    def dies(self) -> None:
        """Answer no more."""

        def refuse(_: HttpRequest) -> HttpReply | None:
            raise Unreachable("no answer in time")

        self.reply = refuse

    def _metadata(self) -> dict[str, Any]:
        names = ("authorization", "token")
        endpoints = {f"{name}_endpoint": f"{ISSUER}/{name}" for name in names}
        return {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks", **endpoints, **self.metadata}

    def jwk(self) -> dict[str, Any]:
        """Return the public key."""
        public = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**public, "kid": KEY_ID, "use": "sig", "alg": "ES256"}

    def _exchange(self, request: HttpRequest) -> HttpReply:
        form = {
            name: values[0] for name, values in parse_qs((request.body or b"").decode()).items()
        }
        asked = self.codes.pop(form["code"], None)
        if asked is None or challenge_of(form["code_verifier"]) != asked["code_challenge"]:
            return HttpReply(400, {}, b'{"error":"invalid_grant"}', truncated=False)
        return found({"id_token": self.token(nonce=asked["nonce"]), "access_token": "at"})


def found(content: object) -> HttpReply:
    """Return a successful answer."""
    return HttpReply(200, {}, json.dumps(content).encode(), truncated=False)
