"""Message catalogs (gettext's `.po`), and the choice of a language by Accept-Language."""

import re
from ast import literal_eval
from collections.abc import Mapping
from functools import cache
from pathlib import Path

DEFAULT_LANGUAGE = "en"
"""The language of the templates themselves."""

TRANSLATED = ("de",)
LANGUAGES = (DEFAULT_LANGUAGE, *TRANSLATED)
ENTRY = re.compile(r'^msgid ((?:".*"\n)+)msgstr ((?:".*"\n)+)', re.MULTILINE)
MAX_RANGES = 20  # of an Accept-Language header; more are ignored
RANGE = re.compile(r"[ \t]*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]+)?[ \t]*(?:;[ \t]*q=([01](?:\.\d*)?))?")


class Messages:
    """The texts of one language; one that is not translated stays as it is.

    Loading Babel would add a quarter of a second to every start, for a file of pairs: the tests
    compare what is read here with what Babel reads.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def gettext(self, text: str) -> str:
        """Return the translation."""
        return self._texts.get(text, text)

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return the translation of the singular or the plural."""
        return self.gettext(one if count == 1 else many)


@cache
def messages(language: str | None) -> Messages:
    """Return the texts of a language; those of an unknown one are in English."""
    if language not in TRANSLATED:
        return Messages({})
    written = Path(__file__).with_name(f"{language}.po").read_text("utf-8") + "\n"
    return Messages({_joined(text): _joined(other) for text, other in ENTRY.findall(written)})


def preferred_language(accept_language: str) -> str | None:
    """Return the language that an Accept-Language header (RFC 9110, 12.5.4) prefers, if any."""
    weights: dict[str, float] = {}
    for element in accept_language.split(",", MAX_RANGES)[:MAX_RANGES]:
        found = RANGE.fullmatch(element.rstrip())
        if found and found[1].lower() in LANGUAGES:
            weight = float(found[2] or 1)
            weights[found[1].lower()] = max(weight, weights.get(found[1].lower(), 0.0))
    wanted = [language for language, weight in weights.items() if weight > 0]
    return max(wanted, key=weights.__getitem__, default=None)


def _joined(lines: str) -> str:
    return "".join(literal_eval(line) for line in lines.splitlines())
