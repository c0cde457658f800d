"""A single timer for the deadlines of all connections."""

import asyncio

from uvicorn.server import ServerState

from jubilee.entrypoints.http.connections.config import ConnectionRules
from jubilee.entrypoints.http.connections.protocol import BoundedProtocol


class ConnectionSweeper:
    """Checks all connections every `sweep_s`, so that no request needs a timer of its own."""

    def __init__(self, state: ServerState, rules: ConnectionRules) -> None:
        """`state` holds the connections of the server."""
        self._state, self._rules = state, rules
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Schedule the next sweep; called on the event loop."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._rules.limits.sweep_s, self._sweep)

    def stop(self) -> None:
        """Cancel the next sweep."""
        if self._timer is not None:
            self._timer.cancel()

    def _sweep(self) -> None:
        self.start()
        connections = tuple(self._state.connections)
        for connection in connections:
            if isinstance(connection, BoundedProtocol):
                connection.sweep()
        self._rules.ended.sample(len(connections))
