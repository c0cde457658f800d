"""Every text of mails and pages has its translations; the browser's language is chosen."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

import jubilee
from jubilee.languages import catalogs
from jubilee.languages.catalogs import TRANSLATED, messages, preferred_language

SOURCE = Path(jubilee.__file__).parent
FOLDERS = ("adapters/mail/templates", "entrypoints/http/pages/templates")
OPTIONS = {"trimmed": "true", "silent": "false"}
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def texts() -> Iterator[str]:
    """Iterate over the texts of all templates."""
    for folder in FOLDERS:
        for path in (SOURCE / folder).iterdir():
            with path.open("rb") as file:
                for _, _, text, _ in babel_extract(file, ["gettext", "ngettext"], [], OPTIONS):
                    assert isinstance(text, str)
                    yield text


def catalog(language: str) -> Catalog:
    path = Path(catalogs.__file__).with_name(f"{language}.po")
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_and_no_translation_is_left_over(language: str) -> None:
    used = set(texts())
    known = {message.id: message for message in catalog(language) if message.id}
    assert len(used) > 50
    assert used - known.keys() == set()
    assert known.keys() - used == set()
    assert [m.id for m in known.values() if m.fuzzy or not m.string] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_values_of_its_text(language: str) -> None:
    for message in catalog(language):
        text = str(message.string)
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(str(message.id)))


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalog_is_read_as_babel_reads_it(language: str) -> None:
    read = messages(language)
    assert {m.id: m.string for m in catalog(language) if m.id} == {
        text: read.gettext(text) for text in texts()
    }


@pytest.mark.parametrize(("count", "chosen"), [(0, "days"), (1, "day"), (2, "days")])
def test_the_singular_is_for_one_alone(count: int, chosen: str) -> None:
    assert messages(None).ngettext("day", "days", count) == chosen


def test_an_unknown_language_is_english() -> None:
    assert messages("de").gettext("Hello,") == "Hallo,"
    for language in (None, "en", "xx"):
        assert messages(language).gettext("Hello,") == "Hello,"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.4, DE;q=0.5", "de"),
        ("fr, en;q=0.3, de;q=0.2", "en"),
        ("de;q=0", None),
        ("fr", None),
        ("*", None),
        ("", None),
        ("de;q=x", None),
        ("de;q=1.", "de"),
    ],
)
def test_the_preferred_language_is_one_that_we_have(header: str, expected: str | None) -> None:
    assert preferred_language(header) == expected


def test_a_header_of_many_ranges_is_bounded() -> None:
    assert preferred_language("fr," * 100_000 + "de") is None
