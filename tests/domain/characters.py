"""Characters that rules for text are tried on."""

import sys
import unicodedata
from collections.abc import Iterator

UNASSIGNED_OR_PRIVATE = {"Cn", "Co"}
STEP = 61


def every_character() -> Iterator[str]:
    """Every assigned character, the last two of each plane, and one in 61 of the others."""
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        is_last = number & 0xFFFE == 0xFFFE
        is_other = unicodedata.category(character) in UNASSIGNED_OR_PRIVATE and not is_last
        if not is_other or number % STEP == 0:
            yield character
