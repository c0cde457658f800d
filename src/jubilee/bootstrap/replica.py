"""The replica of PostgreSQL, where DATABASE_REPLICA_URL names one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil

from jubilee.adapters.postgres.caller import CurrentCaller
from jubilee.adapters.postgres.capacity import PostgresCapacity
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.replica.monitor import ReplicaMonitor
from jubilee.adapters.postgres.replica.views import ReplicaReads, list_views
from jubilee.adapters.postgres.replica.write_log import UNKNOWN, WriteLog
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.adapters.postgres.upkeep import PoolUpkeep
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.adapters.redis.client import RedisClient
from jubilee.adapters.redis.write_positions import RedisWritePositions
from jubilee.adapters.telemetry.replica import ReplicaPoolTelemetry, ReplicaTelemetry
from jubilee.bootstrap.background_tasks import BackgroundWork
from jubilee.bootstrap.deadline import request_client, request_deadline
from jubilee.bootstrap.telemetry import Telemetry
from jubilee.domain.transaction import Begin
from jubilee.observation.requests import current_request
from jubilee.settings import Settings

TIMEOUT_RATIO = 0.5  # of DATABASE_TIMEOUT: the primary needs the rest where the replica fails
SETTLED_MARGIN_S = 10


@dataclass(frozen=True, slots=True)
class Replica:
    """A pool of connections to the replica, and what decides which reads it serves."""

    pool: ConnectionPool
    reads: ReplicaReads
    write_log: WriteLog
    positions: RedisWritePositions

    def views(self, context: WriteContext) -> Begin[PostgresTransaction]:
        """Return the views by which lists are read."""
        return list_views(self.reads, context)

    @property
    def tasks(self) -> Sequence[BackgroundWork]:
        """The tasks that run as long as the process."""
        upkeep = PoolUpkeep(self.pool, PostgresCapacity(self.pool))
        return partial(self.reads.monitor.run, self.positions.publish), upkeep.run


def make_replica(
    settings: Settings, url: str, primary: ConnectionPool, redis: RedisClient, telemetry: Telemetry
) -> Replica:
    """Build the replica without connecting to it; `url` names one server."""
    observer = ReplicaTelemetry(telemetry.instruments)
    max_lag = settings.replica_max_lag
    pool = ConnectionPool(
        url,
        size=settings.database_pool_size,
        timeout=settings.database_timeout * TIMEOUT_RATIO,
        observer=ReplicaPoolTelemetry(telemetry.database),
        caller=CurrentCaller(request_deadline, request_client),
    )
    positions = RedisWritePositions(redis, seconds=settled_after_s(settings), unknown=UNKNOWN)
    monitor = ReplicaMonitor(primary, pool, max_lag=max_lag, observer=observer)
    reads = ReplicaReads(primary, pool, monitor, positions, _caller, observer)
    return Replica(pool, reads, WriteLog(_caller, positions), positions)


def settled_after_s(settings: Settings) -> int:
    """Seconds after which no serving replica lacks a write; 0 without a replica."""
    if settings.database_replica_url is None:
        return 0
    return ceil(settings.replica_max_lag) + SETTLED_MARGIN_S


def _caller() -> str | None:
    request = current_request.get()
    return None if request is None else request.user_id
