"""Functions for URLs of all kinds: checks, masking of passwords, attributes of the server."""

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qs, urlsplit

UNREADABLE = "its host or port cannot be read (in a password, write @ as %40 and so on)"
LOGIN_PASSWORD = re.compile(r"(://[^:/?#@]*:).*@", re.DOTALL)
QUERY_PASSWORD = re.compile(r"([?&](?:ssl|sentinel_)?password=)[^&]*")


def split_checked(url: str, parameters: frozenset[str]) -> SplitResult:
    """Split a URL that may have these parameters; raises ValueError, which quotes nothing of it.

    The drivers would fail only when they connect.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(UNREADABLE) from None
    if port == 0:
        raise ValueError(UNREADABLE)
    if parts.fragment or "@" in parts.path + parts.query:
        raise ValueError("in its password, write # as %23, / as %2F, ? as %3F, @ as %40")
    if set(parse_qs(parts.query, keep_blank_values=True)) - parameters:
        raise ValueError(f"the parameters it may have are {', '.join(sorted(parameters))}")
    return parts


def without_password(url: str) -> str:
    """Replace the password, before the host or among the parameters, by `***`.

    Uses no URL parser: it would misread a password whose special characters are not quoted.
    """
    return QUERY_PASSWORD.sub(r"\1***", LOGIN_PASSWORD.sub(r"\1***@", url))


def server_attributes(url: str) -> Mapping[str, str | int]:
    """Return OpenTelemetry's attributes of the server; a socket's folder counts as its address.

    Of several hosts before the path, which are Sentinels, all count as one address.
    """
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2]
    if "," in hosts:
        return {"server.address": hosts}
    socket = parse_qs(parts.query).get("host", [parts.path])[0]
    found: dict[str, str | int] = {"server.address": parts.hostname or socket}
    if parts.port is not None:
        found["server.port"] = parts.port
    if parts.scheme == "postgresql" and len(parts.path) > 1:
        found["db.namespace"] = parts.path[1:]
    return found
