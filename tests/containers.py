"""The throwaway servers as containers, on loopback alone; loaded only where an engine answers."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.redis import RedisContainer

LOOPBACK = ("127.0.0.1", None)
Servers = TypeVar("Servers")


@contextmanager
def start(described: Callable[[str, str, str], Servers]) -> Iterator[Servers]:
    """Start both; yields described(kind, database_url, redis_url)."""
    password = secrets.token_hex(16)
    postgres = PostgresContainer(
        "postgres:17-alpine", username="jubilee", password=password, dbname="jubilee"
    ).with_command("postgres -c fsync=off")
    redis = RedisContainer("redis:8-alpine")
    postgres.ports = {5432: LOOPBACK}  # type: ignore[dict-item]  # the engine's client takes a pair too
    redis.ports = {6379: LOOPBACK}  # type: ignore[dict-item]  # the engine's client takes a pair too
    with ExitStack() as stack:
        stack.enter_context(postgres)
        stack.enter_context(redis)
        login = f"jubilee:{password}@127.0.0.1:{postgres.get_exposed_port(5432)}"
        yield described(
            "containers",
            f"postgresql://{login}/jubilee",
            f"redis://127.0.0.1:{redis.get_exposed_port(6379)}/0",
        )
