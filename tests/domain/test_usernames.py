# ruff: noqa: RUF001  # letters of other scripts are what these tests are about
"""Which usernames are taken, and how they are kept."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubilee.domain.identity import name_key
from jubilee.domain.usernames import prepared_username


@pytest.mark.parametrize(
    "name",
    [
        "zoe", "Zoë", "zoe.q-1_", "7of9", "ß", "Ōe", "Ωμέγα", "Ангелина1", "李", "やまだ太郎",
        "ヤマダー", "한글", "한글漢", "ㄅ漢", "नि", "สมชาย", "שלום", "שלום1", "علی", "علی۱",
        "მარიამ",         "x" * 64,
    ],
)  # fmt: skip
def test_letters_of_one_script_are_taken(name: str) -> None:
    assert prepared_username(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "аdmin",  # Cyrillic
        "αdmin",  # Greek
        "zoe漢", "한글かな", "abcабв", "Ωmega", "निa",
        "a\u2de0",  # a combining letter of Cyrillic
    ],
)  # fmt: skip
def test_scripts_are_not_mixed(name: str) -> None:
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
def test_all_else_is_refused(name: str) -> None:
    assert prepared_username(name) is None


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("\uff5a\uff4f\uff45", "zoe"),
        ("\uff3a\uff4f\uff45", "Zoe"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("\uff94\uff8f\uff80\uff9e", "ヤマダ"),
    ],
)
def test_a_name_is_kept_in_its_usual_width_and_form(name: str, kept: str) -> None:
    assert prepared_username(name) == kept


@given(st.text(max_size=6))
def test_what_is_kept_is_kept_for_good_and_compared_without_case(name: str) -> None:
    kept = prepared_username(name)
    if kept is not None:
        assert prepared_username(kept) == kept
        assert unicodedata.is_normalized("NFC", kept)
        assert name_key(kept) == name_key(name)
        assert name_key(kept.lower()) == name_key(kept)


def test_no_single_character_is_invisible_or_a_sign() -> None:
    taken = [c for c in map(chr, range(sys.maxunicode + 1)) if prepared_username(f"{c}")]
    assert {unicodedata.category(c)[0] for c in taken} == {"L", "N"}
    assert [c for c in taken if c.isascii()] == sorted(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    )
