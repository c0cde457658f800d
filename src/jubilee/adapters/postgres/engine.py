"""SQLAlchemy's engine with asyncpg, from a connection URI of libpq.

- `host`, `port`, `user`, `password`, `dbname` go to SQLAlchemy, all else to asyncpg.
- `channel_binding=require`: asyncpg cannot bind. A verified certificate excludes a man in the
  middle as well: it means `sslmode=verify-full`, against `sslrootcert` or the certificates of the
  system (`sslrootcert=system`). Other values of `channel_binding` have no effect.
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
LOCATION = frozenset({"host", "port", "user", "password", "dbname"})
DEFAULT_PORT = 5432


def driver_url(url: str) -> URL:
    """Host, user and database; `driver_arguments` returns the rest."""
    parsed = make_url(url)
    query = _query(parsed)
    return parsed.set(
        drivername=DRIVER,
        username=query.get("user"),
        password=query.get("password"),
        database=query.get("dbname"),
        query=_hosts(query, parsed.port or DEFAULT_PORT),
    )


def driver_arguments(url: str) -> dict[str, Any]:
    """Arguments for asyncpg beside the URL; raises OSError where certificates cannot be read."""
    chosen = LOCATION | DATABASE_IGNORED
    query = {name: value for name, value in _query(make_url(url)).items() if name not in chosen}
    binding = query.pop("channel_binding", None) == "require"
    if binding and query.get("sslmode") != "verify-full":
        query = {"sslrootcert": SYSTEM, **query, "sslmode": "verify-full"}
    # Certificates have no argument of their own, but asyncpg reads the parameters of a URL.
    arguments: dict[str, Any] = {"dsn": f"postgresql://?{urlencode(query, quote_via=quote)}"}
    if query.get("sslrootcert") == SYSTEM:
        arguments["ssl"] = _system_roots(query)
    return arguments


def open_engine(url: str, *, timeout: float) -> AsyncEngine:
    """An engine without a pool, in autocommit; transactions are begun explicitly.

    `timeout` bounds opening a connection, in seconds.
    """
    return create_async_engine(
        driver_url(url),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args={**driver_arguments(url), "timeout": timeout},
    )


def _query(url: URL) -> dict[str, str]:
    """The parameters; the last of equal names counts, as in libpq."""
    return {name: values[-1] for name, values in url.normalized_query.items()}


def _hosts(query: Mapping[str, str], default_port: int) -> dict[str, str]:
    """Hosts and ports; SQLAlchemy needs a port for each of several hosts."""
    found = {name: query[name] for name in ("host", "port") if name in query}
    others = found.get("host", "").count(",")
    if others and "," not in found.get("port", ""):
        port = found.get("port", str(default_port))
        found["port"] = ",".join([port] * (others + 1))
    return found


def _system_roots(query: Mapping[str, str]) -> ssl.SSLContext:
    """Trust the system's certificates, which asyncpg cannot, and check the host name."""
    context = ssl.create_default_context()
    if "sslcert" in query:
        password = query.get("sslpassword", "")
        context.load_cert_chain(query["sslcert"], query.get("sslkey"), password)
    return context
