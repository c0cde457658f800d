"""Encryption of stored secrets."""

import pytest

from jubilee.adapters.secret_cipher import AesSecretCipher
from jubilee.domain.errors import Unavailable

OLD, NEW = b"o" * 32, b"n" * 32


def test_a_secret_opens_with_its_context_alone() -> None:
    cipher = AesSecretCipher(NEW)
    sealed = cipher.seal(b"row 1", b"secret")
    assert b"secret" not in sealed
    assert cipher.open(b"row 1", sealed) == b"secret"
    with pytest.raises(Unavailable):
        cipher.open(b"row 2", sealed)


def test_a_previous_key_opens_and_the_first_one_seals() -> None:
    sealed = AesSecretCipher(OLD).seal(b"row", b"secret")
    assert AesSecretCipher(NEW, OLD).open(b"row", sealed) == b"secret"
    with pytest.raises(Unavailable):
        AesSecretCipher(OLD).open(b"row", AesSecretCipher(NEW, OLD).seal(b"row", b"secret"))


def test_an_altered_or_unknown_secret_is_refused() -> None:
    cipher = AesSecretCipher(NEW)
    sealed = cipher.seal(b"row", b"secret")
    for wrong in (sealed[:-1] + bytes([sealed[-1] ^ 1]), b"", sealed[:10]):
        with pytest.raises(Unavailable):
            cipher.open(b"row", wrong)


def test_equal_secrets_are_sealed_differently() -> None:
    cipher = AesSecretCipher(NEW)
    assert cipher.seal(b"row", b"secret") != cipher.seal(b"row", b"secret")
