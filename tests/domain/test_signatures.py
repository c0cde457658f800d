"""Signatures, and the one text of signed bytes."""

import pytest

from jubilee.domain.base64url import decode_base64url, decode_canonical, encode_base64url
from jubilee.domain.signatures import SIGNATURE_BYTES, is_signed, signature

CONTENT = b"cursor\0" + b"[1]"
OTHER_TEXTS = ["AB", "AA=", "AA==", "AAA A", "A+A/"]


def test_any_of_the_keys_may_have_signed() -> None:
    made = signature(b"old", CONTENT)
    assert len(made) == SIGNATURE_BYTES == 16
    assert is_signed(CONTENT, made, [b"new", b"old"])
    assert not is_signed(CONTENT, made, [b"new"])
    assert not is_signed(CONTENT, made, [])


@pytest.mark.parametrize("size", [0, 1, 15])
def test_a_shortened_signature_is_refused(size: int) -> None:
    assert not is_signed(CONTENT, signature(b"key", CONTENT)[:size], [b"key"])


def test_a_signature_is_of_its_content_alone() -> None:
    assert not is_signed(CONTENT + b" ", signature(b"key", CONTENT), [b"key"])


@pytest.mark.parametrize("raw", [b"", b"a", b"ab", b"abc", b"\xff\xfe\xfd\xfc"])
def test_what_was_encoded_is_decoded(raw: bytes) -> None:
    assert decode_canonical(encode_base64url(raw)) == decode_base64url(encode_base64url(raw)) == raw


@pytest.mark.parametrize("text", OTHER_TEXTS)
def test_another_text_of_the_same_bytes_is_refused(text: str) -> None:
    assert decode_base64url(text)
    with pytest.raises(ValueError, match="canonical"):
        decode_canonical(text)


def test_a_text_that_is_not_ascii_is_refused() -> None:
    with pytest.raises(ValueError, match="ascii"):
        decode_canonical("é")
