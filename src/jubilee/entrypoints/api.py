"""The API as a process: serve, say what is missing, end when told to."""

import asyncio
import logging
from contextlib import suppress

from jubilee.domain.health import Schema
from jubilee.domain.services import Services
from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.connections.config import ConnectionRules
from jubilee.entrypoints.http.connections.ends import EndedConnections
from jubilee.entrypoints.http.connections.refusals import Refusals
from jubilee.entrypoints.http.connections.server import DrainingServer, Listening
from jubilee.entrypoints.http.framework.context import Traffic

FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0  # seconds

logger = logging.getLogger(__name__)


async def serve(services: Services, options: HttpOptions, listening: Listening) -> int:
    """Serve until told to stop; the exit code."""
    traffic = Traffic()
    rules = ConnectionRules(
        options.connections,
        Refusals(options.meter),
        EndedConnections(options.connection_observer),
    )
    server = DrainingServer(build_app(services, options, traffic), listening, traffic, rules)
    watch = asyncio.create_task(_watch(services, server))
    await server.serve()
    watch.cancel()
    with suppress(asyncio.CancelledError):
        return await watch
    return 0


async def _watch(services: Services, server: DrainingServer) -> int:
    """Say what is away until all is there; a schema behind our own ends the service."""
    wait = FIRST_WAIT
    while True:
        health = await services.health.look()
        if health.schema is Schema.BEHIND:
            logger.critical("the schema is behind this version: run `jubilee migrate` first")
            server.stop()
            return BAD_CONFIGURATION
        away = [name for name, there in _present(health.ready, health.redis) if not there]
        if not away:
            logger.info("PostgreSQL and Redis answer")
            return 0
        logger.warning("no answer", extra={"of": " and ".join(away), "again_in": wait})
        await asyncio.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT)


def _present(postgres: bool, redis: bool) -> tuple[tuple[str, bool], ...]:
    return ("PostgreSQL", postgres), ("Redis", redis)
