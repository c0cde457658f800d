"""SQLAlchemy's engine from a URL as people write it: a URI of libpq's, for asyncpg.

- `host`, `port`, `user`, `password`, `dbname` are SQLAlchemy's to read, all else is asyncpg's.
- `channel_binding=require`: asyncpg cannot bind. What this is for, that nobody stands in between,
  a checked certificate proves as well: it means `sslmode=verify-full`, against `sslrootcert`, or
  what the machine trusts (`sslrootcert=system`). A weaker `channel_binding` asks for nothing.
- Of no effect: `connect_timeout`, for DATABASE_TIMEOUT bounds connecting; `keepalives…` and
  `tcp_user_timeout`, for it bounds all statements, too; a `gssencmode` that does not insist.
"""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from jubilee.urls.database import DATABASE_IGNORED, SYSTEM

DRIVER = "postgresql+asyncpg"
PLACE = frozenset({"host", "port", "user", "password", "dbname"})
USUAL_PORT = 5432


def driver_url(url: str) -> URL:
    """Where, as whom, and which database; `driver_arguments` have the rest."""
    parsed = make_url(url)
    query = _query(parsed)
    return parsed.set(
        drivername=DRIVER,
        username=query.get("user"),
        password=query.get("password"),
        database=query.get("dbname"),
        query=_hosts(query, parsed.port or USUAL_PORT),
    )


def driver_arguments(url: str) -> dict[str, Any]:
    """What asyncpg is given beside the URL; raises OSError where certificates cannot be read."""
    chosen = PLACE | DATABASE_IGNORED
    query = {name: value for name, value in _query(make_url(url)).items() if name not in chosen}
    bound = query.pop("channel_binding", None) == "require"
    if bound and query.get("sslmode") != "verify-full":
        query = {"sslrootcert": SYSTEM, **query, "sslmode": "verify-full"}
    # Certificates have no argument of their own, but asyncpg reads the parameters of a URL.
    arguments: dict[str, Any] = {"dsn": f"postgresql://?{urlencode(query, quote_via=quote)}"}
    if query.get("sslrootcert") == SYSTEM:
        arguments["ssl"] = _system_roots(query)
    return arguments


def open_engine(url: str, *, patience: float) -> AsyncEngine:
    """An engine without a pool, in autocommit: whoever wants a transaction begins one.

    `patience` bounds opening a connection, in seconds.
    """
    return create_async_engine(
        driver_url(url),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={**driver_arguments(url), "timeout": patience},
    )


def _query(url: URL) -> dict[str, str]:
    """As for libpq, the last one counts."""
    return {name: values[-1] for name, values in url.normalized_query.items()}


def _hosts(query: Mapping[str, str], usual_port: int) -> dict[str, str]:
    """SQLAlchemy wants a port for each of several hosts."""
    found = {name: query[name] for name in ("host", "port") if name in query}
    others = found.get("host", "").count(",")
    if others and "," not in found.get("port", ""):
        port = found.get("port", str(usual_port))
        found["port"] = ",".join([port] * (others + 1))
    return found


def _system_roots(query: Mapping[str, str]) -> ssl.SSLContext:
    """asyncpg takes only files; this one checks the host's name, too."""
    context = ssl.create_default_context()
    if "sslcert" in query:
        password = query.get("sslpassword", "")
        context.load_cert_chain(query["sslcert"], query.get("sslkey"), password)
    return context
