"""Refresh tokens: they cannot be forged, and each has one successor."""

from base64 import urlsafe_b64encode
from itertools import product
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from jubilee.adapters.ids import new_id
from jubilee.domain.auth.tokens import SECRET_BYTES, RefreshToken, decode_refresh_token
from jubilee.domain.identity import SessionId

KEY, OTHER_KEY = b"r" * 32, b"q" * 32
TOKEN = RefreshToken(SessionId(new_id()), 1, b"s" * SECRET_BYTES)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

tokens = st.builds(
    RefreshToken,
    st.uuids().map(SessionId),
    st.integers(0, 2**32 - 1),
    st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES),
)


@given(tokens, st.binary(min_size=32, max_size=32))
def test_an_encoded_token_is_decoded_unchanged(token: RefreshToken, key: bytes) -> None:
    assert decode_refresh_token(token.encode(key), key) == token


def test_a_token_with_a_changed_character_is_refused() -> None:
    encoded = TOKEN.encode(KEY)
    for index, character in product(range(len(encoded)), ALPHABET):
        forged = encoded[:index] + character + encoded[index + 1 :]
        assert (decode_refresh_token(forged, KEY) is None) == (forged != encoded)


@given(st.integers(0, 91), st.text(min_size=1, max_size=5) | st.sampled_from("!= \n\0"))
def test_a_token_with_inserted_characters_is_refused(index: int, inserted: str) -> None:
    encoded = TOKEN.encode(KEY)
    assert decode_refresh_token(encoded[:index] + inserted + encoded[index:], KEY) is None


@given(st.integers(0, 90))
def test_a_truncated_token_is_refused(length: int) -> None:
    assert decode_refresh_token(TOKEN.encode(KEY)[:length], KEY) is None


@given(st.text())
def test_decoding_any_text_raises_nothing(text: str) -> None:
    assert decode_refresh_token(text, KEY) is None


@given(st.binary(min_size=60, max_size=75))
def test_random_bytes_of_the_right_length_are_refused(raw: bytes) -> None:
    assert decode_refresh_token(urlsafe_b64encode(raw).decode().rstrip("="), KEY) is None


def test_a_token_of_another_key_is_refused() -> None:
    assert decode_refresh_token(TOKEN.encode(OTHER_KEY), KEY) is None


def test_a_token_of_a_previous_key_is_decoded() -> None:
    assert decode_refresh_token(TOKEN.encode(OTHER_KEY), KEY, OTHER_KEY) == TOKEN
    assert decode_refresh_token(TOKEN.encode(b"x" * 32), KEY, OTHER_KEY) is None


@given(tokens.filter(lambda token: token.generation < 2**32 - 1))
def test_a_successor_is_deterministic_and_differs_from_its_token(token: RefreshToken) -> None:
    successor = token.successor(KEY)
    assert successor == token.successor(KEY)
    assert (successor.session_id, successor.generation) == (token.session_id, token.generation + 1)
    assert len({token.secret, successor.secret, token.successor(OTHER_KEY).secret}) == 3


def test_tokens_and_their_successors_are_the_same_in_every_version() -> None:
    token = RefreshToken(SessionId(UUID(int=1)), 7, b"s" * SECRET_BYTES)
    assert token.encode(KEY) == (
        "AAAAAAAAAAAAAAAAAAAAAQAAAAdzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3NzczyH3lktuFZYv0d5QfTe5O0"
    )
    assert token.successor(KEY).secret.hex() == (
        "c1e122483dc6781d03b2a091b3036bf8e44670838a1251877af7c49813cb22ae"
    )


def test_neither_hash_nor_repr_contains_the_secret() -> None:
    assert len(TOKEN.hash) == 32
    assert TOKEN.hash != TOKEN.secret
    assert repr(TOKEN.secret) not in repr(TOKEN)
