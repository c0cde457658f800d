"""ARQ's client for the queue workers."""

from arq.connections import ArqRedis

from jubilee.adapters.redis.arq.messages import pack, unpack
from jubilee.adapters.redis.connections import worker_pool


def arq_pool(url: str) -> ArqRedis:
    """Make a client that writes and reads messages as JSON; no connection is opened yet."""
    return ArqRedis(worker_pool(url), job_serializer=pack, job_deserializer=unpack)
