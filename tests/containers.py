"""The throwaway servers as containers, on loopback alone; loaded only where an engine answers."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.redis import RedisContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

LOOPBACK = ("127.0.0.1", None)
Servers = TypeVar("Servers")


@contextmanager
def start(described: Callable[[str, str, str], Servers]) -> Iterator[Servers]:
    """Start both; yields described(kind, database_url, redis_url)."""
    password = secrets.token_hex(16)
    postgres = PostgresContainer(
        "postgres:17-alpine", username="jubilee", password=password, dbname="jubilee"
    ).with_command("postgres -c fsync=off")
    postgres.with_tmpfs_mount(
        "/var/lib/postgresql/data"
    )  # creates databases in a tenth of the time
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


@contextmanager
def tls_redis(folder: Path) -> Iterator[int]:
    """Yield the port of a Redis that speaks TLS alone, and trusts what `folder` certifies."""
    files = {"tls-cert-file": "cert.pem", "tls-key-file": "key.pem", "tls-ca-cert-file": "cert.pem"}
    options = " ".join(f"--{option} /{name}" for option, name in files.items())
    redis = (
        DockerContainer("redis:8-alpine")
        .with_command(f"redis-server --port 0 --tls-port 6379 {options}")
        .waiting_for(LogMessageWaitStrategy("Ready to accept connections"))
    )
    redis.ports = {6379: LOOPBACK}  # type: ignore[dict-item]  # the engine's client takes a pair too
    for name in set(files.values()):
        redis.with_copy_into_container(folder / name, f"/{name}", 0o644)
    with redis:
        yield int(redis.get_exposed_port(6379))
