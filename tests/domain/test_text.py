# ruff: noqa: RUF001  # letters of other scripts are what these tests are about
"""Rules for lines, texts and person names."""

import pytest

from jubilee.domain.text import (
    as_line,
    composed,
    is_storable,
    line_fault,
    person_name_fault,
    printable,
    text_fault,
)
from tests.domain.characters import every_character

VALID_LINES = {
    "words": "Fairy lights, 3 m",
    "padded": "  x ",
    "no-break space": "10\u00a0%",
    "accents": "Zo\u00eb Nguy\u1ec5n",
    "mark without a precomposed form": "x\u0323",
    "from the right": "שלום عالم",
    "Persian, with a non-joiner": "می\u200cخواهم",
    "Hindi, with a joiner": "क्\u200dष",
    "Malayalam, a joiner at the end": "അവന്\u200d",
    "family": "👨\u200d👩\u200d👧\u200d👦",
    "judge, with a skin tone": "👩🏽\u200d⚖\ufe0f",
    "heart on fire": "❤\ufe0f\u200d🔥",
    "shaking head": "🙂\u200d↔\ufe0f",
    "England": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "pictograph of Unicode 16": "\U0001fae9",
    "keycap": "1\ufe0f\u20e3",
    "question": "a=?b",
}
INVALID_LINES = {
    "empty": "",
    "blank": " \u3000\t",
    "line break": "a\nb",
    "carriage return": "a\rb",
    "separator": "a\u2028b",
    "next line": "a\x85b",
    "escape": "a\x1b[31mb",
    "NUL": "a\0b",
    "override": "Zo\u202ee",
    "isolate": "Zo\u2066e",
    "mark of direction": "Zo\u200fe",
    "Arabic mark of direction": "Zo\u061ce",
    "zero-width space": "Zo\u200be",
    "zero-width space alone": "\u200b",
    "joiner alone": "\u200d",
    "joiners alone": "\u200d\u200c\u200d",
    "joiner between Latin letters": "ad\u200dmin",
    "joiner at the beginning": "\u200da",
    "joiner at the end": "a\u200d",
    "joiner after an emoji alone": "👨\u200d",
    "non-joiner between emoji": "👨\u200c👩",
    "word joiner": "a\u2060b",
    "byte order mark": "\ufeffa",
    "soft hyphen": "a\u00adb",
    "language tags": "a\U000e0061\U000e0062",
    "flag with a hidden text": "🏴\U000e0067\U000e007f",
    "noncharacter": "a\uffff",
    "noncharacter of plane 1": "a\U0001ffff",
    "noncharacter of Arabic": "a\ufdd0",
    "unassigned": "a\u0378",
    "private": "a\ue000",
    "half": "a\ud800",
    "filler": "\u3164",
    "blank pattern of Braille": "\u2800",
    "selector alone": "\ufe0f",
    "mark alone": "\u0301",
}


@pytest.mark.parametrize("name", VALID_LINES)
def test_a_line_of_ordinary_writing_is_accepted(name: str) -> None:
    assert line_fault(VALID_LINES[name]) is None
    assert text_fault(VALID_LINES[name]) is None


@pytest.mark.parametrize("name", INVALID_LINES)
def test_a_line_with_control_or_invisible_characters_is_refused(name: str) -> None:
    fault = line_fault(INVALID_LINES[name])
    assert fault is not None
    assert fault.endswith(".")
    assert person_name_fault(INVALID_LINES[name]) == fault


def test_a_joiner_beside_a_latin_letter_is_refused() -> None:
    for joiner in "\u200c\u200d":
        for text in (f"a{joiner}", f"{joiner}a", f"a{joiner}b", f"ب{joiner}b", f"a{joiner}ب"):
            assert line_fault(text) is not None


@pytest.mark.parametrize(
    "text", ["", "\n", "a\r\nb\tc", "a\u2028b", "ไทย\u200bไทย", "a\u00adb", "\ue000", "a\u0378"]
)
def test_a_text_may_be_empty_and_have_line_breaks(text: str) -> None:
    assert text_fault(text) is None


@pytest.mark.parametrize(
    "text",
    ["a\0", "a\x1b[2J", "a\x0b", "a\x85", "a\u202eb", "a\u2067b", "a\u200e", "a\uffff", "\ud800",
     "\u200b", "\u200d\n", "a\U0010fffe"],
)  # fmt: skip
def test_a_text_with_control_or_invisible_characters_is_refused(text: str) -> None:
    assert text_fault(text) is not None


@pytest.mark.parametrize("name", ["=?utf-8?Q?x?=", "Zoe =?"])
def test_a_name_with_the_marks_of_an_encoded_word_is_refused(name: str) -> None:
    assert person_name_fault(name) is not None
    assert line_fault(name) is None


@pytest.mark.untraced
def test_no_accepted_character_breaks_a_line_or_cannot_be_stored() -> None:
    for character in every_character():
        text = f"a{character}b"
        if line_fault(text) is None:
            assert len(f"{text}\n".splitlines()) == 1
            assert is_storable(text)
            assert text_fault(text) is None


def test_nul_and_surrogates_are_not_storable() -> None:
    assert is_storable("\U0010ffff\x01é")
    assert not any(map(is_storable, ["\0", "a\ud800", "\udc00"]))


def test_foreign_text_is_converted_to_a_printable_line() -> None:
    assert printable("a\x1b\tb\u202e") == "a??b?"
    assert as_line(" a\r\n b\x07 ", 10) == "a b?"
    assert as_line("x" * 50, 10) == "x" * 10
    assert composed("e\u0301") == "\u00e9"
