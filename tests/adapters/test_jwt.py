"""Access tokens: their claims, and which tokens are refused."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest

from jubilee.adapters.tokens.jwt_tokens import (
    CLOCK_SKEW_S,
    MAX_CACHED_TOKENS,
    MAX_TOKEN_CHARS,
    JwtTokens,
)
from jubilee.adapters.tokens.key_ring import OpenedKeyRing
from jubilee.adapters.tokens.key_vault import AesKeyVault
from jubilee.domain.auth.tokens import InvalidToken, TokenClaims
from jubilee.domain.identity import SessionId, UserId
from jubilee.domain.signing_keys.key import KeyAlgorithm, SigningKey

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LIFETIME = 1800
CLAIMS = TokenClaims(UserId(uuid4()), SessionId(uuid4()))


@pytest.fixture
def tokens() -> JwtTokens:
    return JwtTokens(KEY, issuer="here", audience="there", lifetime=LIFETIME)


def forged(key: bytes = KEY, alg: str = "HS256", typ: str = "at+jwt", **claims: object) -> str:
    """Return a valid token with these changes; a claim of None is left out."""
    payload: dict[str, Any] = {
        "iss": "here",
        "aud": "there",
        "sub": str(CLAIMS.user_id),
        "sid": str(CLAIMS.session_id),
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + LIFETIME,
        "jti": "1",
    }
    claims_ = {name: value for name, value in {**payload, **claims}.items() if value is not None}
    return jwt.encode(claims_, key, alg, headers={"typ": typ})


def part(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_a_token_has_exactly_the_expected_claims(tokens: JwtTokens) -> None:
    token = tokens.sign(CLAIMS, now=NOW)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "at+jwt"}
    claims_ = jwt.decode(token, options={"verify_signature": False})
    jti = claims_.pop("jti")
    assert claims_ == {
        "iss": "here",
        "aud": "there",
        "sub": str(CLAIMS.user_id),
        "sid": str(CLAIMS.session_id),
        "iat": 1795165200,
        "exp": 1795167000,
    }
    assert (
        jti != jwt.decode(tokens.sign(CLAIMS, now=NOW), options={"verify_signature": False})["jti"]
    )


def test_a_token_is_valid_until_it_expires(tokens: JwtTokens) -> None:
    token = tokens.sign(CLAIMS, now=NOW)
    end = NOW + timedelta(seconds=LIFETIME)
    for _ in range(2):  # decoded, then cached
        assert tokens.read(token, now=NOW) == CLAIMS
        assert tokens.read(token, now=end - timedelta(seconds=1)) == CLAIMS
    for _ in range(2):
        with pytest.raises(InvalidToken):
            tokens.read(token, now=end)


def test_a_small_clock_skew_is_tolerated(tokens: JwtTokens) -> None:
    token = tokens.sign(CLAIMS, now=NOW)
    assert tokens.read(token, now=NOW - timedelta(seconds=CLOCK_SKEW_S)) == CLAIMS
    with pytest.raises(InvalidToken):
        tokens.read(token, now=NOW - timedelta(seconds=CLOCK_SKEW_S + 1))


def test_a_token_signed_by_the_test_is_accepted(tokens: JwtTokens) -> None:
    """Prove that the refusals below are due to their changes."""
    assert tokens.read(forged(), now=NOW) == CLAIMS


def test_a_token_of_a_previous_key_is_read_and_new_ones_are_of_the_first() -> None:
    rotated = JwtTokens(OTHER_KEY, KEY, issuer="here", audience="there", lifetime=LIFETIME)
    assert rotated.read(forged(), now=NOW) == CLAIMS
    assert rotated.read(forged(OTHER_KEY), now=NOW) == CLAIMS
    jwt.decode(
        rotated.sign(CLAIMS, now=NOW),
        OTHER_KEY,
        ["HS256"],
        {"verify_aud": False, "verify_exp": False},
    )
    with pytest.raises(InvalidToken):
        rotated.read(forged(b"x" * 32), now=NOW)
    with pytest.raises(InvalidToken):
        rotated.read(forged(typ="JWT"), now=NOW)


UNSIGNED = f"{part(json.dumps({'alg': 'none', 'typ': 'at+jwt'}))}.{forged().split('.')[1]}."
UNSIGNED_OR_FORGED = {
    "another key": forged(OTHER_KEY),
    "alg none": UNSIGNED,
    "alg none, signed": UNSIGNED + forged().split(".")[2],
    "another algorithm": forged(KEY * 2, alg="HS512"),
    "no signature": forged().rpartition(".")[0] + ".",
}
KEY_HINTS: dict[str, object] = {
    "kid": "../../../../dev/null",
    "kid of SQL": "' OR 1=1; --",
    "jwk": {"kty": "oct", "k": part(OTHER_KEY.decode())},
    "jku": "http://127.0.0.1:1/keys.json",
    "x5u": "http://127.0.0.1:1/chain.pem",
}
WRONG_CLAIMS = {
    "plain jwt": forged(typ="JWT"),
    "another type": forged(typ="refresh+jwt"),
    "another issuer": forged(iss="elsewhere"),
    "another audience": forged(aud="elsewhere"),
    "expired": forged(exp=int(NOW.timestamp())),
    "never expires": forged(exp="never"),
    "expires at NaN": forged(exp=float("nan")),
    "expires at infinity": forged(exp=float("inf")),
    "expires in digits": forged(exp="9999999999"),
    "expires true": forged(exp=True),
    "expires after all years": forged(exp=10**18),
    "expires in 400 digits": forged(exp=10**400),
    "issued at NaN": forged(iat=float("nan")),
    "issued at minus infinity": forged(iat=float("-inf")),
    "issued before 1970": forged(iat=-1),
    "not before infinity": forged(nbf=float("inf")),
    "not before NaN": forged(nbf=float("nan")),
    "not yet issued": forged(iat=int(NOW.timestamp()) + 3600),
    "issued at some text": forged(iat="soon"),
    "not valid yet": forged(nbf=int(NOW.timestamp()) + 10**9),
    "without iss": forged(iss=None),
    "without aud": forged(aud=None),
    "without sub": forged(sub=None),
    "without sid": forged(sid=None),
    "without iat": forged(iat=None),
    "without exp": forged(exp=None),
    "without jti": forged(jti=None),
}
MALFORMED = {
    "a subject that is no id": forged(sub="zoe"),
    "a session that is no id": forged(sid=7),
    "empty": "",
    "no token": "garbage",
    "dots": "..",
    "four parts": forged() + ".x",
    "no ASCII": "é.ü.ß",
    "lone surrogate": "\ud800",
    "not JSON": f"{part('{')}.{part('{}')}.x",
    "a list": f"{part('[]')}.{part('[]')}.x",
    "nested deeply": f"{part('[' * 1400)}.e30.x",
    "long": "x" * 100_000,
    "long but ours": forged(extra="x" * MAX_TOKEN_CHARS),
}


@pytest.mark.parametrize("token", UNSIGNED_OR_FORGED.values(), ids=UNSIGNED_OR_FORGED.keys())
def test_check_22_an_unsigned_or_forged_token_is_refused(tokens: JwtTokens, token: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.read(token, now=NOW)


@pytest.mark.parametrize(("name", "hint"), KEY_HINTS.items())
def test_check_23_a_token_cannot_name_its_own_key(
    tokens: JwtTokens, name: str, hint: object
) -> None:
    claims = jwt.decode(forged(), options={"verify_signature": False})
    headers = {"typ": "at+jwt", name.partition(" ")[0]: hint}
    with pytest.raises(InvalidToken):
        tokens.read(jwt.encode(claims, OTHER_KEY, "HS256", headers=headers), now=NOW)


@pytest.mark.parametrize("token", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS.keys())
def test_check_24_a_token_of_wrong_claims_is_refused(tokens: JwtTokens, token: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.read(token, now=NOW)


@pytest.mark.parametrize("token", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_token_is_refused(tokens: JwtTokens, token: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.read(token, now=NOW)


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_check_22_a_public_key_is_no_shared_secret(algorithm: KeyAlgorithm) -> None:
    vault = AesKeyVault(KEY)
    material = vault.generate(algorithm)
    ring = OpenedKeyRing(vault, algorithm)
    tokens = JwtTokens(KEY, issuer="here", audience="there", lifetime=LIFETIME, ring=ring)
    tokens.install([SigningKey(material=material, created_at=NOW, signs_from=NOW)])
    public = material.public.encode()
    for secret in (public, urlsafe_b64decode(json.loads(public)["x"] + "=")):
        for hint in ({"kid": material.id}, {}):
            head = part(json.dumps({"alg": "HS256", "typ": "at+jwt", **hint}))
            signed = f"{head}.{forged().split('.')[1]}"
            signature = urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256"))
            with pytest.raises(InvalidToken):
                tokens.read(f"{signed}.{signature.decode().rstrip('=')}", now=NOW)
    assert tokens.read(tokens.sign(CLAIMS, now=NOW), now=NOW) == CLAIMS


def test_the_cache_of_tokens_is_bounded(tokens: JwtTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jubilee.adapters.tokens.jwt_tokens.MAX_CACHED_TOKENS", 3)
    for _ in range(5):
        tokens.read(tokens.sign(CLAIMS, now=NOW), now=NOW)
    assert len(tokens._known) == 3
    assert MAX_CACHED_TOKENS <= 10_000
