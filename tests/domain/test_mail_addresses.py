"""Validation of e-mail addresses."""

import pytest

from jubilee.domain.mail_addresses import is_mail_address


@pytest.mark.parametrize("hidden", ["\u200b", "\u202e", "\x07", "\x7f", "\ufeff", "\ud800"])
@pytest.mark.parametrize("address", ["zo{}e@example.com", "zoe@exam{}ple.com"])
def test_an_address_with_an_unprintable_character_is_refused(address: str, hidden: str) -> None:
    assert not is_mail_address(address.format(hidden))
    assert is_mail_address(address.format("x"))


@pytest.mark.parametrize(
    "hidden", ["\u034f", "\u115f", "\u180b", "\u2800", "\u3164", "\ufe0f", "\uffa0", "\U000e0100"]
)
@pytest.mark.parametrize("address", ["zo{}e@example.com", "zoe@exam{}ple.com", "{}@example.com"])
def test_an_address_with_an_invisible_letter_or_mark_is_refused(address: str, hidden: str) -> None:
    assert hidden.isprintable()
    assert not is_mail_address(address.format(hidden))
    assert is_mail_address(address.format("é"))


@pytest.mark.parametrize(
    ("length", "expected"), [(63, True), (64, True), (65, False)], ids=["63", "64", "65"]
)
def test_a_local_part_is_limited_to_64_bytes(length: int, expected: bool) -> None:
    assert is_mail_address(f"{'z' * length}@example.com") is expected
    assert is_mail_address(f"{'z' * (length - 2)}é@example.com") is expected


@pytest.mark.parametrize(("length", "expected"), [(254, True), (255, False)])
def test_an_address_is_limited_to_254_characters(length: int, expected: bool) -> None:
    host = f"{'a.' * 100}{'b' * (length - 202)}"
    assert len(f"z@{host}") == length
    assert is_mail_address(f"z@{host}") is expected


@pytest.mark.parametrize("domain", ["service.invalid", "Service.INVALID"])
def test_the_domain_of_service_accounts_is_refused(domain: str) -> None:
    assert not is_mail_address(f"z@{domain}")
    assert is_mail_address(f"z@{domain}.example")
