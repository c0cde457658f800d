"""Opens connections to the first of several hosts that answers and fits target_session_attrs."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg

from jubilee.adapters.postgres.connection import connect, connection_arguments
from jubilee.adapters.postgres.outages import NoHostFits, outage_reason
from jubilee.adapters.postgres.statement import Driver

PREFER_STANDBY = "prefer-standby"
NEXT_HOST = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.TargetServerAttributeNotMatched,
)
"""Another host may do better; a wrong password or an unknown database is the same on all."""


class Connector:
    """Knows the hosts of a URL; the one that answered last is tried first.

    The driver tries them with one timeout for all, which a host that hangs would use up: here each
    gets its share of `timeout`, or the URL's connect_timeout where that is shorter.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        """`timeout` bounds opening a connection, in seconds."""
        self._attempts = _attempts(url, timeout)

    async def open(self) -> Driver:
        """Open a connection; raises what the driver raises, or NoHostFits for several hosts."""
        failures: dict[str, Exception] = {}
        for attempt in list(self._attempts):
            try:
                driver = await connect(attempt)
            except NEXT_HOST as error:
                failures[f"{attempt.get('host')}:{attempt.get('port')}"] = error
            else:
                self._attempts.remove(attempt)
                self._attempts.insert(0, attempt)
                return driver
        if len(failures) == 1:
            raise next(iter(failures.values()))
        raise NoHostFits("; ".join(f"{at} {outage_reason(e)}" for at, e in failures.items()))


def _attempts(url: str, timeout: float) -> list[dict[str, Any]]:
    arguments, query = connection_arguments(url), parse_qs(urlsplit(url).query)
    hosts = _hosts(arguments)
    share = timeout / len(hosts)
    if limit := int(query.get("connect_timeout", ["0"])[-1]):
        share = min(share, limit)
    attempts = [{**arguments, **host, "timeout": share} for host in hosts]
    if query.get("target_session_attrs", [""])[-1] != PREFER_STANDBY:
        return attempts
    return [
        {**attempt, "target_session_attrs": kind}
        for kind in ("standby", "any")
        for attempt in attempts
    ]


def _hosts(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    host, port = arguments.get("host"), arguments.get("port")
    if not isinstance(host, list):
        return [{}]
    ports = port if isinstance(port, list) else [port]
    ports = ports * len(host) if len(ports) == 1 else ports
    return [
        {"host": each} if at is None else {"host": each, "port": at}
        for each, at in zip(host, ports, strict=True)
    ]
