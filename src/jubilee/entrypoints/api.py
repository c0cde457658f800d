"""The API process: serve, log missing dependencies, stop on a signal."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from jubilee.domain.health import SchemaStatus
from jubilee.domain.services import Services
from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION, SCHEMA_BEHIND
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.connections.config import ConnectionRules
from jubilee.entrypoints.http.connections.ends import EndedConnections
from jubilee.entrypoints.http.connections.refusals import Refusals
from jubilee.entrypoints.http.connections.server import DrainingServer, ListenOptions
from jubilee.entrypoints.http.framework.context import InFlightRequests
from jubilee.entrypoints.processes.heartbeat_file import HeartbeatFile
from jubilee.entrypoints.processes.watchdog import Watchdog

FIRST_WAIT_S, MAX_WAIT_S = 0.5, 15.0  # between two checks of the dependencies
MAX_BLOCKED_S = 30.0  # of the event loop, of one of several processes

logger = logging.getLogger(__name__)


async def serve(
    services: Services,
    options: HttpOptions,
    listening: ListenOptions,
    heartbeat: HeartbeatFile | None = None,
) -> int:
    """Serve until a signal; return the exit code.

    With a `heartbeat` this is one of several processes: it ends if its event loop is blocked, which
    probes of the port would not find out, as they are answered by any of them.
    """
    in_flight = InFlightRequests()
    rules = ConnectionRules(
        options.connections,
        Refusals(options.meter, options.edge),
        EndedConnections(options.connection_observer),
    )
    server = DrainingServer(build_app(services, options, in_flight), listening, in_flight, rules)
    watch = asyncio.create_task(_wait_for_dependencies(services, server))
    async with _watched(heartbeat):
        await server.listen()
    watch.cancel()
    with suppress(asyncio.CancelledError):
        return await watch
    return 0


@asynccontextmanager
async def _watched(heartbeat: HeartbeatFile | None) -> AsyncIterator[None]:
    """Run a watchdog within the block if there is a heartbeat, which also says that we serve."""
    if heartbeat is None:
        yield
        return
    watchdog = Watchdog(MAX_BLOCKED_S, heartbeat)
    watchdog.create_heartbeat()
    watching = asyncio.create_task(watchdog.run())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _wait_for_dependencies(services: Services, server: DrainingServer) -> int:
    """Log which dependencies are missing until all answer; stop if the schema is too old."""
    wait = FIRST_WAIT_S
    while True:
        health = await services.health.check()
        if health.schema is SchemaStatus.BEHIND:
            logger.critical(SCHEMA_BEHIND)
            server.stop()
            return BAD_CONFIGURATION
        away = [name for name, there in _present(health.ready, health.redis) if not there]
        if not away:
            logger.info("PostgreSQL and Redis answer")
            return 0
        cause = {"cause": health.outage} if health.outage else {}
        logger.warning("no answer", extra={"of": " and ".join(away), "again_in": wait} | cause)
        await asyncio.sleep(wait)
        wait = min(wait * 2, MAX_WAIT_S)


def _present(postgres: bool, redis: bool) -> tuple[tuple[str, bool], ...]:
    return ("PostgreSQL", postgres), ("Redis", redis)
