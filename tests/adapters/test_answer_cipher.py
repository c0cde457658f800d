"""Encryption of stored answers."""

from dataclasses import replace
from typing import Any

import pytest

from jubilee.adapters.answer_cipher import AesAnswerCipher
from jubilee.domain.idempotency.answers import IdempotencyKeyReused, KeyedRequest

OLD, NEW = b"o" * 32, b"n" * 32
REQUEST = KeyedRequest(scope="zoe POST /items", key="k-1", fingerprint=b"body")


def test_the_request_opens_its_answer() -> None:
    cipher = AesAnswerCipher(NEW)
    assert cipher.open(REQUEST, cipher.seal(REQUEST, b"201")) == b"201"


def test_the_same_answer_is_never_sealed_alike() -> None:
    cipher = AesAnswerCipher(NEW)
    assert cipher.seal(REQUEST, b"201") != cipher.seal(REQUEST, b"201")


@pytest.mark.parametrize(
    "changed", [{"scope": "eve POST /items"}, {"key": "k-2"}, {"fingerprint": b""}]
)
def test_another_request_does_not_open_it(changed: dict[str, Any]) -> None:
    cipher = AesAnswerCipher(NEW)
    sealed = cipher.seal(REQUEST, b"201")
    with pytest.raises(IdempotencyKeyReused):
        cipher.open(replace(REQUEST, **changed), sealed)


def test_a_changed_byte_is_noticed() -> None:
    cipher = AesAnswerCipher(NEW)
    sealed = bytearray(cipher.seal(REQUEST, b"201"))
    sealed[-1] ^= 1
    with pytest.raises(IdempotencyKeyReused):
        cipher.open(REQUEST, bytes(sealed))


def test_answers_of_a_previous_secret_open() -> None:
    sealed = AesAnswerCipher(OLD).seal(REQUEST, b"201")
    assert AesAnswerCipher(NEW, OLD).open(REQUEST, sealed) == b"201"
    with pytest.raises(IdempotencyKeyReused):
        AesAnswerCipher(NEW).open(REQUEST, sealed)
