"""What the runbooks print: commands, calls, SQL, panels, words, each with how it is proven."""

import re
from collections.abc import Iterator
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "deploy" / "monitoring" / "runbooks.md"
HEADING = re.compile(r"^## (\w+)\n(.+?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`]+)`")
PANEL = re.compile(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)")
CALL = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S+)")
SETTING = re.compile(r"([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=\S+)?")


def sections() -> dict[str, str]:
    """The text of each alert's entry."""
    return {name: " ".join(text.split()) for name, text in HEADING.findall(DOCUMENT.read_text())}


def printed() -> Iterator[tuple[str, str]]:
    """Every piece of code, with the alert whose entry it stands in."""
    for alert, text in sections().items():
        for code in dict.fromkeys(CODE.findall(text)):
            yield alert, code


def code_of(alert: str, beginning: str) -> str:
    """The piece of code in an alert's entry that is this, or else the only one that begins so."""
    codes = {code for name, code in printed() if name == alert and code.startswith(beginning)}
    (found,) = codes & {beginning} or codes
    return found


def kind_of(code: str) -> str:
    """What a piece of code is."""
    if code.startswith("jubilee "):
        return "command"
    if CALL.fullmatch(code) or code.startswith("/"):
        return "call"
    if code.startswith("curl "):
        return "curl"
    if code.startswith("SELECT "):
        return "query"
    return "setting" if SETTING.fullmatch(code) else "word"
