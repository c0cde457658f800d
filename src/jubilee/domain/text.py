"""Rules for text: one for each class (a line, a text, a person's name); usernames have their own.

Each `…_fault` says in a sentence what is wrong, or None. Check the text as `composed` gives it.
"""

import re
import unicodedata

BLANK = "It must not be blank."
NO_LINE = "It must be one line without control characters."
INVISIBLE = "It must not contain characters that are invisible or change the direction of text."
UNASSIGNED = "It must not contain characters that Unicode has not assigned."
PRIVATE = "It must not contain characters for private use."
HALF = "It must not contain half a character."
ENCODED = "It must not contain '=?', which mail programs take for encoded text."
UNFIT_FOR_TEXT = (
    "It must not contain control characters other than tabs and line breaks,"
    " characters that change the direction of text, or noncharacters."
)

LINE_FAULTS = {
    "Cc": NO_LINE,
    "Zl": NO_LINE,
    "Zp": NO_LINE,
    "Cf": INVISIBLE,
    "Cn": UNASSIGNED,
    "Co": PRIVATE,
    "Cs": HALF,
}
"""What a general category of Unicode means in a line."""

HOLLOW = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # letters and a symbol that show nothing
ZERO_WIDTH_JOINER = "\u200d"
JOINERS = frozenset(f"\u200c{ZERO_WIDTH_JOINER}")
VIRAMA = 9  # the combining class
ENCODED_WORD = "=?"
# The flags of England, Scotland and Wales are a black flag and letters that show nothing.
FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a]{5}\U000e007f")
# New pictographs come every year, in places that have long been set aside for them.
PICTOGRAPHS = range(0x1F000, 0x1FB00)
SKIN_TONES = range(0x1F3FB, 0x1F400)
NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
)
NOT_IN_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks, overrides and isolates of direction
    f"\ud800-\udfff{NONCHARACTERS}]"
)


def composed(text: str) -> str:
    """The text in Unicode's normal form C: one spelling for what looks the same."""
    return unicodedata.normalize("NFC", text)


def is_storable(text: str) -> bool:
    """Whether PostgreSQL and UTF-8 can hold it: no NUL, no half of a character."""
    return "\0" not in text and (text.isascii() or _encodes(text))


def line_fault(text: str) -> str | None:
    """For titles, subjects and the like: one line that shows something, and shows all of itself."""
    if text.isascii() and text.isprintable():
        return None if text.strip() else BLANK
    plain = FLAG.sub("\U0001f3f4", text)
    for at, character in enumerate(plain):
        fault = LINE_FAULTS.get(unicodedata.category(character))
        if fault and not (_is_pictograph(character) or _joins(plain, at)):
            return fault
    return None if any(map(_is_visible, plain)) else BLANK


def text_fault(text: str) -> str | None:
    """For descriptions and bodies: may be empty, and may have tabs and line breaks."""
    if NOT_IN_TEXT.search(text):
        return UNFIT_FOR_TEXT
    return BLANK if text.strip() and all(map(_is_hidden, text)) else None


def person_name_fault(name: str) -> str | None:
    """For the full name of a person: a line that cannot be read as an encoded mail header."""
    return ENCODED if ENCODED_WORD in name else line_fault(name)


def printable(text: str, replacement: str = "?") -> str:
    """A text from elsewhere that cannot be refused, without what a terminal may act upon."""
    return "".join(c if c.isprintable() else replacement for c in text)


def as_line(text: str, limit: int) -> str:
    """The same as one line of `limit` characters at most, its white space made single spaces."""
    return printable(" ".join(text.split()))[:limit]


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_visible(character: str) -> bool:
    shows = unicodedata.category(character)[0] in "LNPS" and character not in HOLLOW
    return shows or _is_pictograph(character)


def _is_hidden(character: str) -> bool:
    hollow = character in HOLLOW or unicodedata.category(character) == "Cf"
    return hollow or character.isspace()


def _is_pictograph(character: str) -> bool:
    return ord(character) in PICTOGRAPHS


def _joins(text: str, at: int) -> bool:
    """Whether a zero-width joiner or non-joiner stands where a script or an emoji needs it.

    After a virama, as RFC 5892 A.1 and A.2 allow it, between Arabic letters, between pictographs.
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
    last = text.rstrip("\ufe0f")[-1:]
    return _is_emoji(last) or (last != "" and ord(last) in SKIN_TONES)


def _is_emoji(character: str) -> bool:
    return character != "" and (
        unicodedata.category(character) in {"So", "Sm"} or _is_pictograph(character)
    )


def _is_arabic(character: str) -> bool:
    """A letter of a joined script from right to left: Arabic, Syriac and their kin."""
    return character != "" and unicodedata.bidirectional(character) == "AL"
