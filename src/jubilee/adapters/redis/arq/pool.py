"""The connection pool of the queue workers."""

from arq.connections import ArqRedis
from redis import exceptions
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from jubilee.adapters.redis.arq.messages import pack, unpack

SOCKET_TIMEOUT_S = 2.0  # so that a frozen Redis does not hold a worker up
CONNECT_TIMEOUT_S = 1.0
HEALTH_CHECK_INTERVAL_S = 10
MAX_RETRIES = 1  # of one command; the queue workers retry without end
BACKOFF_BASE_S, BACKOFF_CAP_S = 0.05, 1.0


def arq_pool(url: str) -> ArqRedis:
    """Make a pool whose commands are retried once; no connection is opened yet.

    The built-in OSError is listed among the retried errors because redis-py does not translate a
    refused connection.
    """
    network = {} if url.startswith("unix") else {"socket_keepalive": True}
    connections = ConnectionPool.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        health_check_interval=HEALTH_CHECK_INTERVAL_S,
        retry=Retry(ExponentialBackoff(cap=BACKOFF_CAP_S, base=BACKOFF_BASE_S), MAX_RETRIES),
        retry_on_error=[
            exceptions.ConnectionError,
            exceptions.TimeoutError,
            exceptions.BusyLoadingError,
            OSError,
        ],
        **network,
    )
    return ArqRedis(connections, job_serializer=pack, job_deserializer=unpack)
