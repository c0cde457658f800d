"""uvicorn with a graceful shutdown: readiness turns off first, then requests in flight end."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

import uvicorn
from starlette.types import ASGIApp

from jubilee.entrypoints.http.connections.config import BoundedConfig, ConnectionRules
from jubilee.entrypoints.http.connections.protocol import BoundedProtocol
from jubilee.entrypoints.http.connections.sweeper import ConnectionSweeper
from jubilee.entrypoints.http.framework.context import InFlightRequests
from jubilee.entrypoints.http.framework.polling import poll

SIGNALS = (signal.SIGINT, signal.SIGTERM)
CLOSE_TIMEOUT_S = 1.0  # part of the shutdown's timeout, reserved for closing connections


@dataclass(frozen=True, slots=True)
class ListenOptions:
    """Address to listen on; `delay` and `timeout` of the shutdown, in seconds.

    `listeners` are descriptors of sockets that listen there already.
    """

    host: str
    port: int
    timeout: float
    delay: float
    listeners: tuple[int, ...] = ()


class DrainingServer(uvicorn.Server):
    """Serves until SIGINT or SIGTERM; a second signal stops at once."""

    def __init__(
        self,
        app: ASGIApp,
        listening: ListenOptions,
        in_flight: InFlightRequests,
        rules: ConnectionRules,
    ) -> None:
        config = BoundedConfig(
            app,
            host=listening.host,
            port=listening.port,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            # A pipelined request would otherwise run in the context of the one before it.
            reset_contextvars=True,
            timeout_graceful_shutdown=max(1, int(listening.timeout)),
            workers=1,  # else uvicorn reads WEB_CONCURRENCY, which is our own setting
        )
        config.rules = rules
        super().__init__(config)
        self._listening = listening
        self._in_flight = in_flight
        self._sweeper = ConnectionSweeper(self.server_state, rules)

    def stop(self) -> None:
        """Begin to drain; when called again, stop at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    async def listen(self) -> None:
        """Serve the connections of the listening sockets, or those of the address."""
        await self.serve([socket.socket(fileno=each) for each in self._listening.listeners] or None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and start the sweeper of connections."""
        await super().startup(sockets)
        self._sweeper.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain and stop; until then `/health/ready` answers 503, for load balancers to see."""
        deadline = monotonic() + self._listening.timeout - CLOSE_TIMEOUT_S
        self._in_flight.draining = True
        await self._pause(min(self._listening.delay, self._listening.timeout))
        await self._in_flight.drain(deadline - monotonic(), until=lambda: self.force_exit)
        left = max(deadline - monotonic(), 0) + CLOSE_TIMEOUT_S
        self.config.timeout_graceful_shutdown = max(1, int(left))
        try:
            await super().shutdown(sockets)
        finally:
            self._sweeper.stop()

    async def _pause(self, seconds: float) -> None:
        await poll(lambda: self.force_exit, seconds)
