"""Names of connections in `pg_stat_activity`: `jubilee-migrate`, `jubilee-api/15 host:pid`."""

import os
from socket import gethostname
from urllib.parse import parse_qs, quote, urlsplit

NAME = "application_name"
MAX_HOST_CHARS = 32  # PostgreSQL keeps 63 bytes of the name


def instance_name(role: str, pool_size: int) -> str:
    """Name of an API or worker process, with the size of its pool, host and process id."""
    return f"jubilee-{role}/{pool_size} {gethostname()[:MAX_HOST_CHARS]}:{os.getpid()}"


def named(url: str, name: str) -> str:
    """Return the URL with this name, unless it has one already."""
    if NAME in parse_qs(urlsplit(url).query):
        return url
    return f"{url}{'&' if '?' in url else '?'}{NAME}={quote(name, safe='')}"
