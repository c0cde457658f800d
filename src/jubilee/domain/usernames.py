"""Usernames: PRECIS UsernameCaseMapped (RFC 8265), narrowed to letters, digits and three signs.

Implemented here with `unicodedata`: the domain uses the standard library only, and no package
checks the narrower rules: one script (UTS 39) and no joiners. Names are compared by their folded
form (`identity.name_key`), which is case-mapped; they are stored as their owner wrote them.
"""

import re
import unicodedata

from jubilee.domain.text import composed

MAX_USERNAME_CHARS = 64  # code points
USERNAME_RULE = (
    "A username consists of letters of one script, digits, '.', '_' and '-',"
    " and starts with a letter or digit; at most 64 characters."
)
SIGNS = frozenset("._-")
LETTERS_AND_DIGITS = frozenset({"Ll", "Lu", "Lo", "Lm", "Mn", "Mc", "Nd"})
# RFC 8264, 9: F (exceptions), I (old Hangul), M (ignorable characters); 9.17 follows from NFKC.
DISALLOWED = re.compile(
    "[\u0640\u07fa\u302e\u302f\u3031-\u3035\u303b"
    "\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb"
    "\u034f\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\U000e0000-\U000e0fff]"
)
ARABIC_DIGITS = re.compile("[\u0660-\u0669]")
EXTENDED_ARABIC_DIGITS = re.compile("[\u06f0-\u06f9]")
# A character's script is the first word of its name; these words mean another script, or none.
SCRIPTS = {
    "CJK": "HAN",
    "IDEOGRAPHIC": "HAN",
    "VERTICAL": "HAN",
    "EXTENDED": "ARABIC",
    "HENTAIGANA": "HIRAGANA",
    "COMBINING": None,
    "KATAKANA-HIRAGANA": None,
    "MODIFIER": None,
    "VEDIC": None,
}
SCRIPTS_WITH_MARKS = frozenset({"CYRILLIC", "DEVANAGARI", "GLAGOLITIC", "GRANTHA", "GREEK"})
"""`COMBINING CYRILLIC LETTER BE` is Cyrillic, `COMBINING GRAVE ACCENT` belongs to all scripts."""
FAMILIES = (
    frozenset({"HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"HAN", "HANGUL"}),
    frozenset({"HAN", "BOPOMOFO"}),
)
"""Scripts that are written together and count as one by UTS 39."""

RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
IN_RIGHT_TO_LEFT = RIGHT_TO_LEFT | {"EN", "ES", "CS", "ET", "ON", "BN", "NSM"}


def prepared_username(name: str) -> str | None:
    """Return the name in its usual width and NFC, or None if it breaks a rule."""
    kept = composed("".join(map(_usual_width, name)))
    mapped = composed(kept.lower())
    fits = (
        0 < len(kept) <= MAX_USERNAME_CHARS
        and _starts_with_letter_or_digit(kept)
        and all(map(_is_allowed, mapped))
        and not DISALLOWED.search(mapped)
        and not (ARABIC_DIGITS.search(mapped) and EXTENDED_ARABIC_DIGITS.search(mapped))
        and _has_one_script(mapped)
        and _keeps_direction(mapped)
    )
    return kept if fits else None


def _usual_width(character: str) -> str:
    kind, _, code = unicodedata.decomposition(character).partition(" ")
    return chr(int(code, 16)) if kind in {"<wide>", "<narrow>"} else character


def _starts_with_letter_or_digit(name: str) -> bool:
    kind = unicodedata.category(name[0])
    return kind[0] == "L" or kind == "Nd"


def _is_allowed(character: str) -> bool:
    if character in SIGNS:
        return True
    stable = unicodedata.normalize("NFKC", character) == character
    return stable and unicodedata.category(character) in LETTERS_AND_DIGITS


def _has_one_script(name: str) -> bool:
    scripts = {_script(character) for character in name} - {None}
    return len(scripts) <= 1 or any(scripts <= family for family in FAMILIES)


def _script(character: str) -> str | None:
    """Return the script, or None for characters shared by all scripts."""
    if character.isascii():
        return "LATIN" if character.isalpha() else None
    first, second, *_ = [*unicodedata.name(character, "").split(" "), ""]
    if first == "COMBINING" and second in SCRIPTS_WITH_MARKS:
        return second
    if first in {"LINEAR", "OLD", "TAI"}:
        return f"{first} {second}"
    word = first if first in SCRIPTS else first.partition("-")[0]
    return SCRIPTS.get(word, word)


def _keeps_direction(name: str) -> bool:
    """Check the Bidi rule (RFC 5893, 2) for names with right-to-left characters."""
    kinds = [unicodedata.bidirectional(character) for character in name]
    if RIGHT_TO_LEFT.isdisjoint(kinds):
        return True
    without_marks = [kind for kind in kinds if kind != "NSM"]
    return (
        kinds[0] in {"R", "AL"}
        and set(kinds) <= IN_RIGHT_TO_LEFT
        and without_marks[-1] in {"R", "AL", "EN", "AN"}
        and not {"EN", "AN"} <= set(kinds)
    )
