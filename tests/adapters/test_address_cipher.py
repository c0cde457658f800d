"""Encryption of addresses in jobs."""

import pytest

from jubilee.adapters.address_cipher import AesAddressCipher

OLD, NEW = b"o" * 32, b"n" * 32


def test_a_sealed_address_opens_by_a_previous_key_and_by_no_other() -> None:
    sealed = AesAddressCipher(OLD).seal("zoë@example.com")
    assert "zo" not in sealed
    assert AesAddressCipher(NEW, OLD).open(sealed) == "zoë@example.com"
    with pytest.raises(ValueError, match="key"):
        AesAddressCipher(NEW).open(sealed)


def test_an_address_is_sealed_differently_each_time() -> None:
    cipher = AesAddressCipher(NEW)
    assert cipher.seal("zoe@example.com") != cipher.seal("zoe@example.com")
