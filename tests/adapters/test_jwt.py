"""Access tokens: what they say, and which are believed."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest

from jubilee.adapters.jwt_tokens import CLOCK_SKEW_S, MAX_CACHED_TOKENS, MAX_TOKEN_CHARS, JwtTokens
from jubilee.domain.auth.tokens import InvalidToken, TokenClaims
from jubilee.domain.identity import SessionId, UserId

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LIFETIME = 1800
WHO = TokenClaims(UserId(uuid4()), SessionId(uuid4()))


@pytest.fixture
def tokens() -> JwtTokens:
    return JwtTokens(KEY, issuer="here", audience="there", lifetime=LIFETIME)


def forged(key: bytes = KEY, alg: str = "HS256", typ: str = "at+jwt", **claims: object) -> str:
    """A token of ours but for what is named; a claim of None is left out."""
    payload: dict[str, Any] = {
        "iss": "here",
        "aud": "there",
        "sub": str(WHO.user_id),
        "sid": str(WHO.session_id),
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + LIFETIME,
        "jti": "1",
    }
    said = {name: value for name, value in {**payload, **claims}.items() if value is not None}
    return jwt.encode(said, key, alg, headers={"typ": typ})


def part(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_a_token_says_exactly_what_it_should(tokens: JwtTokens) -> None:
    token = tokens.sign(WHO, now=NOW)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "at+jwt"}
    said = jwt.decode(token, options={"verify_signature": False})
    jti = said.pop("jti")
    assert said == {
        "iss": "here",
        "aud": "there",
        "sub": str(WHO.user_id),
        "sid": str(WHO.session_id),
        "iat": 1795165200,
        "exp": 1795167000,
    }
    assert jti != jwt.decode(tokens.sign(WHO, now=NOW), options={"verify_signature": False})["jti"]


def test_a_token_is_read_until_it_expires(tokens: JwtTokens) -> None:
    token = tokens.sign(WHO, now=NOW)
    end = NOW + timedelta(seconds=LIFETIME)
    for _ in range(2):  # read afresh, then remembered
        assert tokens.read(token, now=NOW) == WHO
        assert tokens.read(token, now=end - timedelta(seconds=1)) == WHO
    for _ in range(2):
        with pytest.raises(InvalidToken):
            tokens.read(token, now=end)


def test_clocks_may_differ_a_little(tokens: JwtTokens) -> None:
    token = tokens.sign(WHO, now=NOW)
    assert tokens.read(token, now=NOW - timedelta(seconds=CLOCK_SKEW_S)) == WHO
    with pytest.raises(InvalidToken):
        tokens.read(token, now=NOW - timedelta(seconds=CLOCK_SKEW_S + 1))


def test_a_forgery_with_our_key_is_read(tokens: JwtTokens) -> None:
    """Else the refusals below would prove nothing."""
    assert tokens.read(forged(), now=NOW) == WHO


def test_a_token_of_a_previous_key_is_read_and_new_ones_are_of_the_first() -> None:
    rotated = JwtTokens(OTHER_KEY, KEY, issuer="here", audience="there", lifetime=LIFETIME)
    assert rotated.read(forged(), now=NOW) == WHO
    assert rotated.read(forged(OTHER_KEY), now=NOW) == WHO
    jwt.decode(
        rotated.sign(WHO, now=NOW), OTHER_KEY, ["HS256"], {"verify_aud": False, "verify_exp": False}
    )
    with pytest.raises(InvalidToken):
        rotated.read(forged(b"x" * 32), now=NOW)
    with pytest.raises(InvalidToken):
        rotated.read(forged(typ="JWT"), now=NOW)


UNSIGNED = f"{part(json.dumps({'alg': 'none', 'typ': 'at+jwt'}))}.{forged().split('.')[1]}."
REFUSED = {
    "another key": forged(OTHER_KEY),
    "alg none": UNSIGNED,
    "alg none, signed": UNSIGNED + forged().split(".")[2],
    "another algorithm": forged(KEY * 2, alg="HS512"),
    "its own key": jwt.encode({}, OTHER_KEY, headers={"jwk": {"kty": "oct", "k": "b28"}}),
    "no signature": forged().rpartition(".")[0] + ".",
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
    "long but ours": forged(more="x" * MAX_TOKEN_CHARS),
    "without iss": forged(iss=None),
    "without aud": forged(aud=None),
    "without sub": forged(sub=None),
    "without sid": forged(sid=None),
    "without iat": forged(iat=None),
    "without exp": forged(exp=None),
    "without jti": forged(jti=None),
}


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED.keys())
def test_every_other_token_is_refused(tokens: JwtTokens, token: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.read(token, now=NOW)


def test_what_it_remembers_is_bounded(tokens: JwtTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jubilee.adapters.jwt_tokens.MAX_CACHED_TOKENS", 3)
    for _ in range(5):
        tokens.read(tokens.sign(WHO, now=NOW), now=NOW)
    assert len(tokens._known) == 3
    assert MAX_CACHED_TOKENS <= 10_000
