"""A connection by asyncpg to where a connection URI of libpq points.

- Parameters take precedence over the login, host, port and path of the URI; the last of equal
  names counts.
- Of no effect: `keepalives…` and `tcp_user_timeout`, for DATABASE_TIMEOUT bounds all statements; a
  `gssencmode` and a `channel_binding` that do not insist.
"""

import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import asyncpg

from jubilee.adapters.postgres.statement import Driver
from jubilee.urls.database import DATABASE_IGNORED, SYSTEM

LOCATION = frozenset({"host", "port", "user", "password", "dbname"})
NOT_PASSED_ON = LOCATION | DATABASE_IGNORED | {"connect_timeout"}


def connection_arguments(url: str) -> dict[str, Any]:
    """Return arguments of `asyncpg.connect`; raises OSError where certificates cannot be read."""
    query = dict(parse_qsl(urlsplit(url).query))
    rest = {name: query[name] for name in query if name not in NOT_PASSED_ON}
    # Certificates have no argument of their own, but asyncpg reads the parameters of a URL.
    dsn = f"postgresql://?{urlencode(rest, quote_via=quote)}"
    arguments = _location(url, query) | {"dsn": dsn}
    if rest.get("sslrootcert") == SYSTEM:
        arguments["ssl"] = _system_roots(rest)
    return arguments


async def connect(arguments: Mapping[str, Any]) -> Driver:
    """Open a connection that takes JSON as text and returns it decoded."""
    driver: Driver = await asyncpg.connect(**arguments)
    for name in ("json", "jsonb"):
        await driver.set_type_codec(name, schema="pg_catalog", encoder=str, decoder=json.loads)
    return driver


def _location(url: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Host, port, user, password and database; asyncpg has a default for each that is missing."""
    parts = urlsplit(url)
    found = {
        "host": query["host"].split(",") if "host" in query else parts.hostname,
        "port": [int(port) for port in query["port"].split(",")] if "port" in query else parts.port,
        "user": query.get("user", unquote(parts.username or "")),
        "password": query.get("password", unquote(parts.password or "")),
        "database": query.get("dbname", unquote(parts.path.removeprefix("/"))),
    }
    return {name: value for name, value in found.items() if value}


def _system_roots(query: Mapping[str, str]) -> ssl.SSLContext:
    """Trust the system's certificates, which asyncpg cannot, and check the host name."""
    context = ssl.create_default_context()
    if "sslcert" in query:
        password = query.get("sslpassword", "")
        context.load_cert_chain(query["sslcert"], query.get("sslkey"), password)
    return context
