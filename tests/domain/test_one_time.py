"""Tokens and codes of one-time links."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.identity import UserId
from jubilee.domain.one_time.link import LinkPurpose, OneTimeLink
from jubilee.domain.one_time.secrets import CODE_ALPHABET, CODE_CHARS, LinkSecrets, readable
from tests.fakes.store import START

OLD, NEW = b"o" * 32, b"n" * 32


def make_link(secrets: LinkSecrets) -> OneTimeLink:
    link_id = new_id()
    token, code = secrets.hashes(link_id)
    return OneTimeLink(
        id=link_id,
        user_id=UserId(new_id()),
        purpose=LinkPurpose.VERIFY_EMAIL,
        recipient="zoe@example.com",
        token_hash=token,
        code_hash=code,
        created_at=START,
        expires_at=START + timedelta(days=1),
    )


def test_a_token_has_256_bits_and_a_code_eight_characters_that_do_not_look_alike() -> None:
    token, code = LinkSecrets(NEW).reveal(make_link(LinkSecrets(NEW)))
    assert len(token) == 43
    assert len(code) == CODE_CHARS
    assert set(code) <= set(CODE_ALPHABET)
    assert not set(CODE_ALPHABET) & set("01ILO")


def test_neither_token_nor_code_is_in_what_is_stored() -> None:
    link = make_link(LinkSecrets(NEW))
    token, code = LinkSecrets(NEW).reveal(link)
    stored = link.token_hash + link.code_hash + repr(link).encode()
    assert token.encode() not in stored
    assert code.encode() not in stored


def test_a_link_of_a_previous_key_keeps_its_token_and_code() -> None:
    link, rotated = make_link(LinkSecrets(OLD)), LinkSecrets(NEW, (OLD,))
    assert rotated.reveal(link) == LinkSecrets(OLD).reveal(link)
    assert rotated.is_code(link, LinkSecrets(OLD).reveal(link)[1])
    with pytest.raises(ValueError, match="key"):
        LinkSecrets(NEW).reveal(link)


def test_a_code_is_read_in_any_case_and_grouping() -> None:
    secrets = LinkSecrets(NEW)
    link = make_link(secrets)
    code = secrets.reveal(link)[1]
    for typed in (code, code.lower(), readable(code), f" {code[:2]} {code[2:]} "):
        assert secrets.is_code(link, typed)
    for typed in ("", code[1:], code + "A", "\ud800", "ÄÖÜ"):
        assert not secrets.is_code(link, typed)


def test_codes_of_two_links_differ() -> None:
    secrets = LinkSecrets(NEW)
    one, two = make_link(secrets), make_link(secrets)
    assert secrets.reveal(one) != secrets.reveal(two)
    assert not secrets.is_code(replace(two, code_hash=one.code_hash), secrets.reveal(two)[1])
