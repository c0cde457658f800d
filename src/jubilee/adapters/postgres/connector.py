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
    """Tries the hosts of a URL in turn: first the one that answered last, except by prefer-standby.

    The driver tries them with one timeout for all, which a host that hangs would use up: here each
    gets its share of `timeout`, or the URL's connect_timeout where that is shorter.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        """`timeout` bounds opening a connection, in seconds."""
        parameters = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
        self._has_preference = parameters.get("target_session_attrs") == PREFER_STANDBY
        self._attempts = _attempts(connection_arguments(url), in_turn=self._has_preference)
        share = timeout / len(self._attempts)
        limit = int(parameters.get("connect_timeout", "0")) or share
        self._timeout = min(share, limit)

    async def open(self) -> Driver:
        """Open a connection; raises what the driver raises, or NoHostFits for several hosts."""
        failures: dict[str, Exception] = {}
        for attempt in list(self._attempts):
            try:
                driver = await connect({**attempt, "timeout": self._timeout})
            except NEXT_HOST as error:
                failures[_address(attempt)] = error
            else:
                if not self._has_preference:
                    self._attempts.remove(attempt)
                    self._attempts.insert(0, attempt)
                return driver
        if len(failures) == 1:
            raise next(iter(failures.values()))
        raise NoHostFits("; ".join(f"{at} {outage_reason(e)}" for at, e in failures.items()))


def _attempts(arguments: Mapping[str, Any], *, in_turn: bool) -> list[dict[str, Any]]:
    """Arguments for each host; `in_turn` first for each as a standby, then as any server."""
    attempts = [{**arguments, **host} for host in _hosts(arguments)]
    if not in_turn:
        return attempts
    kinds = ("standby", "any")
    return [{**each, "target_session_attrs": kind} for kind in kinds for each in attempts]


def _address(arguments: Mapping[str, Any]) -> str:
    return ":".join(str(arguments[name]) for name in ("host", "port") if name in arguments)


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
