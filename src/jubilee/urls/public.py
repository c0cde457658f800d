"""The URL under which clients reach the service."""

import re
from urllib.parse import urlsplit

PUBLIC_URL = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~/-]*)?"
)


def checked_public_url(text: str) -> str:
    """Return the URL without a final slash; raise ValueError unless it is `https://host/path`."""
    if PUBLIC_URL.fullmatch(text) is None:
        raise ValueError("its form is https://host, https://host:port or https://host/path")
    return text.rstrip("/")


def origin_of(url: str) -> str:
    """Return scheme, host and port of the URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def host_of(url: str) -> str:
    """Return the URL's host, in brackets if it is an IPv6 address."""
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host
