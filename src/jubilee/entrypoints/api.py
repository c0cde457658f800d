"""The API process: serve, log missing dependencies, stop on a signal."""

import asyncio
import logging
from contextlib import suppress

from jubilee.domain.health import SchemaStatus
from jubilee.domain.services import Services
from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION, SCHEMA_BEHIND
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.connections.config import ConnectionRules
from jubilee.entrypoints.http.connections.ends import EndedConnections
from jubilee.entrypoints.http.connections.refusals import Refusals
from jubilee.entrypoints.http.connections.server import DrainingServer, ListenOptions
from jubilee.entrypoints.http.framework.context import InFlightRequests

FIRST_WAIT_S, MAX_WAIT_S = 0.5, 15.0  # between two checks of the dependencies

logger = logging.getLogger(__name__)


async def serve(services: Services, options: HttpOptions, listening: ListenOptions) -> int:
    """Serve until a signal; return the exit code."""
    traffic = InFlightRequests()
    rules = ConnectionRules(
        options.connections,
        Refusals(options.meter, options.edge),
        EndedConnections(options.connection_observer),
    )
    server = DrainingServer(build_app(services, options, traffic), listening, traffic, rules)
    watch = asyncio.create_task(_wait_for_dependencies(services, server))
    await server.serve()
    watch.cancel()
    with suppress(asyncio.CancelledError):
        return await watch
    return 0


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
