"""One timer for the deadlines of all connections."""

import asyncio

from uvicorn.server import ServerState

from jubilee.entrypoints.http.connections.config import ConnectionRules
from jubilee.entrypoints.http.connections.protocol import BoundedProtocol


class ConnectionSweeper:
    """Asks each connection once a period whether it is overdue: no request has a timer."""

    def __init__(self, state: ServerState, rules: ConnectionRules) -> None:
        """Sweeps the connections of a server from `start` to `stop`."""
        self._state, self._rules = state, rules
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Sweep from now on; called on the event loop."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._rules.limits.sweep_s, self._sweep)

    def stop(self) -> None:
        """Sweep no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _sweep(self) -> None:
        self.start()
        connections = tuple(self._state.connections)
        for connection in connections:
            if isinstance(connection, BoundedProtocol):
                connection.sweep()
        self._rules.ended.sample(len(connections))
