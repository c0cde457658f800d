"""The code in the runbooks: commands, calls, SQL, panels and words, by kind."""

import re
from collections.abc import Iterator
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "deploy" / "monitoring" / "runbooks.md"
HEADING = re.compile(r"^## (\w+)\n(.+?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`]+)`")
PANEL = re.compile(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)")
OTHER = re.compile(r"\bJubilee[A-Z]\w+")
CALL = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S+)")
SETTING = re.compile(r"([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=\S+)?")
ENTRIES_READ: set[str] = set()
"""The alerts whose entries the running test has read."""


def sections() -> dict[str, str]:
    """Return the entry of each alert."""
    return {name: " ".join(text.split()) for name, text in HEADING.findall(DOCUMENT.read_text())}


def printed() -> Iterator[tuple[str, str]]:
    """Iterate over all pieces of code with the alert of their entry."""
    for alert, text in sections().items():
        for code in dict.fromkeys(CODE.findall(text)):
            yield alert, code


def entry(alert: str) -> str:
    """Return the entry of an alert, which the running test reads."""
    ENTRIES_READ.add(alert)
    return sections()[alert]


def code_of(alert: str, beginning: str) -> str:
    """Return the piece of code in an alert's entry that is or begins with this text."""
    codes: set[str] = {code for code in CODE.findall(entry(alert)) if code.startswith(beginning)}
    (found,) = codes & {beginning} or codes
    return found


def panels_of(alert: str) -> list[str]:
    """Return the titles of the panels that an alert's entry names."""
    return PANEL.findall(entry(alert))


def others_of(alert: str) -> set[str]:
    """Return the other entries to which an alert's entry leads."""
    return set(OTHER.findall(entry(alert)))


def kind_of(code: str) -> str:
    """Return the kind of a piece of code."""
    if code.startswith("jubilee "):
        return "command"
    if CALL.fullmatch(code) or code.startswith("/"):
        return "call"
    if code.startswith("curl "):
        return "curl"
    if code.startswith(("SELECT ", "UPDATE ")):
        return "query"
    return "setting" if SETTING.fullmatch(code) else "word"
