"""The device behind a user agent, in words that its owner recognises in a list of sessions.

A short rule instead of a library: those guess versions and models from hundreds of patterns, which
have to be updated and cost milliseconds; a name and a system are enough to tell sessions apart.
"""

import re

BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
"""Marks in their order: later ones are part of the user agents of browsers before them."""

SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}
PROGRAM = re.compile(r"([A-Za-z][A-Za-z0-9 ._-]{0,39}?)/[0-9]")


def device_name(user_agent: str | None) -> str | None:
    """Return such as `Firefox on Linux` or `curl`; None if the user agent says neither."""
    text = user_agent or ""
    system = _first(SYSTEMS, text)
    name = _first(BROWSERS, text) or _program(text)
    return f"{name} on {system}" if name and system else name or system


def _first(names: dict[str, str], text: str) -> str | None:
    return next((name for mark, name in names.items() if mark in text), None)


def _program(text: str) -> str | None:
    found = PROGRAM.match(text)
    return None if found is None or found[1] == "Mozilla" else found[1]
