# ruff: noqa: RUF001  # letters of other scripts are what these tests are about
"""Validation and normal form of usernames."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubilee.domain.identity import name_key
from jubilee.domain.usernames import prepared_username
from tests.domain.characters import every_character


@pytest.mark.parametrize(
    "name",
    [
        "zoe", "Zoë", "zoe.q-1_", "7of9", "ß", "Ōe", "Ωμέγα", "Ангелина1", "李", "やまだ太郎",
        "ヤマダー", "한글", "한글漢", "ㄅ漢", "नि", "สมชาย", "שלום", "שלום1", "علی", "علی۱",
        "მარიამ", "x\u0302", "x" * 64, "𐌀𐌁", "𐀀𐀁",
    ],
)  # fmt: skip
def test_letters_of_one_script_are_accepted(name: str) -> None:
    assert prepared_username(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "аdmin",  # Cyrillic
        "αdmin",  # Greek
        "zoe漢", "한글かな", "abcабв", "Ωmega", "निa", "𐌀𐎠",
        "a\u2de0",  # a combining letter of Cyrillic
    ],
)  # fmt: skip
def test_mixed_scripts_are_refused(name: str) -> None:
    assert prepared_username(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "", "-zoe", ".zoe", "_zoe", "z e", "z@e", "z/e", "\u0301a", "x" * 65,
        "z\u200de", "z\u200ce", "می\u200cخواهم", "z\u202ee", "z\u00ade", "zoe\n", "\0", "\ud800",
        "ﬁn", "µ", "ª", "𝐳𝐨𝐞", "①", "Ⅷ",  # what NFKC would change
        "\u0640علی", "\u1100\u1101x", "\u3164", "a\u034f", "a\ufe0f", "a\U000e0100",
        "a\uffff", "\ue000", "\u0378", "🎂",
        "1שלום", "שלוםa", "a\u0660", "\u0660\u06f0",  # against the Bidi rule
    ],
)  # fmt: skip
def test_other_usernames_are_refused(name: str) -> None:
    assert prepared_username(name) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("\uff5a\uff4f\uff45", "zoe"),
        ("\uff3a\uff4f\uff45", "Zoe"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("\uff94\uff8f\uff80\uff9e", "ヤマダ"),
    ],
)
def test_a_username_is_normalized_in_width_and_form(name: str, expected: str) -> None:
    assert prepared_username(name) == expected


@given(st.text(max_size=6))
def test_preparing_is_idempotent_and_keeps_the_key(name: str) -> None:
    prepared = prepared_username(name)
    if prepared is not None:
        assert prepared_username(prepared) == prepared
        assert unicodedata.is_normalized("NFC", prepared)
        assert name_key(prepared) == name_key(name)
        assert name_key(prepared.lower()) == name_key(prepared)


@pytest.mark.untraced
def test_single_characters_are_letters_and_digits_only() -> None:
    accepted = [c for c in every_character() if prepared_username(c)]
    assert {unicodedata.category(c)[0] for c in accepted} == {"L", "N"}
    assert [c for c in accepted if c.isascii()] == sorted(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    )
