"""The few adapters that `jubilee status` reads: importing the whole service takes a second."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from jubilee.adapters.postgres.application_name import named
from jubilee.adapters.postgres.capacity import PostgresCapacity
from jubilee.adapters.postgres.jobs.backlog import PostgresBacklog
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.schema_state import schema_state
from jubilee.adapters.redis.client import RedisClient
from jubilee.bootstrap.servers import database_url, redis_url
from jubilee.domain.health import HealthService, ReadConnectionBudget
from jubilee.domain.jobs.backlog import BacklogReader
from jubilee.settings import Settings


@dataclass(frozen=True, slots=True)
class Inspection:
    """Readers of the service's state."""

    health: HealthService
    backlog: BacklogReader
    connections: ReadConnectionBudget


@asynccontextmanager
async def open_inspection(settings: Settings) -> AsyncIterator[Inspection]:
    """Open the readers, and close their connections at the end; raises NoServer."""
    url = named(database_url(settings), "jubilee-status")
    pool = ConnectionPool(url, size=1, timeout=settings.database_timeout)
    redis = RedisClient(redis_url(settings), timeout=settings.redis_timeout)
    try:
        health = HealthService(schema=await schema_state(pool), redis=redis.ping)
        yield Inspection(health, PostgresBacklog(pool), PostgresCapacity(pool))
    finally:
        await redis.close()
        await pool.close()
