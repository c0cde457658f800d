"""Rules for text: a line, a multi-line text, a person's name; usernames have their own module.

Each `…_fault` returns a sentence for clients, or None. Pass text normalised by `composed`.
"""

import re
import unicodedata

BLANK = "It must not be blank."
NOT_ONE_LINE = "It must be one line without control characters."
INVISIBLE = "It must not contain characters that are invisible or change the direction of text."
UNASSIGNED = "It must not contain characters that Unicode has not assigned."
PRIVATE = "It must not contain characters for private use."
LONE_SURROGATE = "It must not contain unpaired surrogates."
ENCODED = "It must not contain '=?', which mail programs take for encoded text."
UNFIT_FOR_TEXT = (
    "It must not contain control characters other than tabs and line breaks,"
    " characters that change the direction of text, or noncharacters."
)

LINE_FAULTS = {
    "Cc": NOT_ONE_LINE,
    "Zl": NOT_ONE_LINE,
    "Zp": NOT_ONE_LINE,
    "Cf": INVISIBLE,
    "Cn": UNASSIGNED,
    "Co": PRIVATE,
    "Cs": LONE_SURROGATE,
}
"""The fault of a character in a line, by its general category in Unicode."""

BLANK_GLYPHS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
"""Letters and a symbol without a visible glyph."""

ZERO_WIDTH_JOINER = "\u200d"
JOINERS = frozenset(f"\u200c{ZERO_WIDTH_JOINER}")
VIRAMA = 9  # the combining class
ENCODED_WORD = "=?"
# The flags of England, Scotland and Wales are a black flag followed by invisible tag letters.
FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a]{5}\U000e007f")
# Includes skin tones, and unassigned code points: Unicode adds pictographs here every year.
PICTOGRAPHS = range(0x1F000, 0x1FB00)
NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
)
NOT_IN_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks, overrides and isolates of direction
    f"\ud800-\udfff{NONCHARACTERS}]"
)


def composed(text: str) -> str:
    """Return the text in Unicode's normal form C."""
    return unicodedata.normalize("NFC", text)


def is_storable(text: str) -> bool:
    """Return whether PostgreSQL can store it: no NUL, no unpaired surrogates."""
    return "\0" not in text and (text.isascii() or _encodes(text))


def line_fault(text: str) -> str | None:
    """Check titles and subjects: one visible line without hidden characters."""
    if text.isascii() and text.isprintable():
        return None if text.strip() else BLANK
    plain = FLAG.sub("\U0001f3f4", text)
    for at, character in enumerate(plain):
        fault = LINE_FAULTS.get(unicodedata.category(character))
        if fault and not (_is_pictograph(character) or _joins(plain, at)):
            return fault
    return None if any(map(_is_visible, plain)) else BLANK


def text_fault(text: str) -> str | None:
    """Check descriptions and bodies: may be empty, may have tabs and line breaks."""
    if NOT_IN_TEXT.search(text):
        return UNFIT_FOR_TEXT
    return BLANK if text.strip() and all(map(_is_hidden, text)) else None


def person_name_fault(name: str) -> str | None:
    """Check full names: a line that is not read as an encoded word in a mail header."""
    return ENCODED if ENCODED_WORD in name else line_fault(name)


def printable(text: str, replacement: str = "?") -> str:
    """Replace characters that are not printable, such as escape sequences of terminals."""
    return "".join(c if c.isprintable() else replacement for c in text)


def as_line(text: str, limit: int) -> str:
    """Return the printable text on one line of at most `limit` characters."""
    return printable(" ".join(text.split()))[:limit]


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_visible(character: str) -> bool:
    shows = unicodedata.category(character)[0] in "LNPS" and character not in BLANK_GLYPHS
    return shows or _is_pictograph(character)


def _is_hidden(character: str) -> bool:
    is_blank = character in BLANK_GLYPHS or unicodedata.category(character) == "Cf"
    return is_blank or character.isspace()


def _is_pictograph(character: str) -> bool:
    return ord(character) in PICTOGRAPHS


def _joins(text: str, at: int) -> bool:
    """Return whether a zero-width joiner or non-joiner is where a script or an emoji needs it.

    Allowed after a virama (RFC 5892 A.1 and A.2), between Arabic letters, between pictographs.
    """
    before, after = text[:at], text[at + 1 : at + 2]
    if text[at] not in JOINERS or not before:
        return False
    if unicodedata.combining(before[-1]) == VIRAMA:
        return True
    if text[at] == ZERO_WIDTH_JOINER and _ends_in_emoji(before) and _is_emoji(after):
        return True
    letter = next((c for c in reversed(before) if unicodedata.category(c) != "Mn"), "")
    return _is_arabic(letter) and _is_arabic(after)


def _ends_in_emoji(text: str) -> bool:
    return _is_emoji(text.rstrip("\ufe0f")[-1:])


def _is_emoji(character: str) -> bool:
    return character != "" and (
        unicodedata.category(character) in {"So", "Sm"} or _is_pictograph(character)
    )


def _is_arabic(character: str) -> bool:
    """Return whether it is a letter of a right-to-left joined script, such as Arabic or Syriac."""
    return character != "" and unicodedata.bidirectional(character) == "AL"
