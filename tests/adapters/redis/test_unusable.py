"""The logged causes when Redis cannot be used, without passwords."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from jubilee.adapters.redis.client import RedisClient
from tests.adapters.redis.arq.queue_workers import QueueSite, dispatches, eventually
from tests.support.redis_servers import LOGIN, PASSWORD, RedisServer
from tests.support.running import free_port

PAGE = Path(__file__).parents[3] / "deploy" / "redis.md"
WRONG = "wrong-Zq7"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server with a password."""
    server = RedisServer(tmp_path_factory.mktemp("redis"), *LOGIN).ready()
    yield server
    server.kill()


async def cause(url: str) -> str:
    """Return the cause for a URL, the same at several tries."""
    causes: list[str] = []
    client = RedisClient(url, timeout=5, on_failure=causes.append)
    assert not await client.ping()
    assert not await client.ping()
    await client.close()
    (only,) = set(causes)
    assert "Zq7" not in only
    return only


async def test_a_wrong_password(server: RedisServer) -> None:
    assert await cause(f"redis://:{WRONG}@127.0.0.1:{server.port}") == "wrong user or password"


async def test_no_password(server: RedisServer) -> None:
    assert await cause(server.url) == "wrong user or password"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_port_without_a_server(host: str) -> None:
    assert await cause(f"redis://:{WRONG}@{host}:{free_port()}") == "connection refused"


async def test_a_missing_socket() -> None:
    assert await cause(f"unix://:{WRONG}@/nowhere/redis.sock") == "no such socket"


async def test_an_unknown_host_name() -> None:
    assert await cause(f"redis://:{WRONG}@redis.invalid") == "unknown host name"


async def test_a_user_without_a_permission(server: RedisServer) -> None:
    server.ask("ACL SETUSER", "reader", "on", f">{WRONG}", "~*", "+get")
    url = f"redis://reader:{WRONG}@127.0.0.1:{server.port}"
    assert await cause(url) == "its user lacks a permission"


async def test_the_documented_permissions_suffice(server: RedisServer) -> None:
    rules = re.search(r"`(~jubilee[^`]*)`", PAGE.read_text())
    assert rules is not None
    server.ask("ACL SETUSER", "jubilee", "reset", "on", f">{PASSWORD}", *rules[1].split())
    site = QueueSite(f"redis://jubilee:{PASSWORD}@127.0.0.1:{server.port}/1")
    site.start()
    await site.send(dispatches(2))
    await site.runs.until(2)
    await eventually(lambda: not site.workers[0].tasks)
    await site.close()
    denied = server.ask("ACL LOG")
    assert [entry for entry in denied if entry["username"] == "jubilee"] == []


async def test_an_error_that_quotes_the_password() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line.startswith(b"*"):
                writer.write(f"-ERR unknown command, with args: `{WRONG}`\r\n".encode())
        writer.close()

    quoting = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = quoting.sockets[0].getsockname()[1]
    assert await cause(f"redis://:{WRONG}@127.0.0.1:{port}") == "it refuses the command"
    quoting.close()


async def test_a_replica(server: RedisServer, tmp_path: Path) -> None:
    follows = ("--replicaof", f"127.0.0.1 {server.port}")
    replica = RedisServer(tmp_path, *LOGIN, *follows).ready()
    message = await cause(f"redis://:{PASSWORD}@127.0.0.1:{replica.port}")
    replica.kill()
    assert message == "this server is a replica, which cannot be written to"


@pytest.mark.parametrize("database", [0, 1])
async def test_a_sentinel_in_place_of_a_server(
    tmp_path: Path, server: RedisServer, database: int
) -> None:
    watching = f"sentinel monitor jubilee 127.0.0.1 {server.port} 1\n"
    sentinel = RedisServer(tmp_path, sentinel=watching).ready()
    message = await cause(f"redis://127.0.0.1:{sentinel.port}/{database}")
    sentinel.kill()
    assert message == "this is a Sentinel: use redis+sentinel://host1,host2/master/0"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis Cluster of one node that has every slot: max_running single commands work on it."""
    options = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    server = RedisServer(tmp_path_factory.mktemp("cluster"), *options).ready()
    server.ask("CLUSTER ADDSLOTSRANGE", 0, 16_383)
    yield server
    server.kill()


@pytest.mark.parametrize("database", [0, 1])
async def test_a_cluster(cluster: RedisServer, database: int) -> None:
    message = await cause(f"redis://127.0.0.1:{cluster.port}/{database}")
    assert message == (
        "Redis Cluster is not supported: use one server, or Sentinel with its replicas"
    )


@pytest.fixture
async def cluster_site(cluster: RedisServer) -> AsyncIterator[QueueSite]:
    site = QueueSite(cluster.url)
    yield site
    await site.close()


async def test_a_worker_logs_that_a_cluster_is_not_supported(
    cluster_site: QueueSite, caplog: pytest.LogCaptureFixture
) -> None:
    cluster_site.start()
    await eventually(lambda: "Redis does not answer" in caplog.messages)
    message = next(r for r in caplog.records if r.message == "Redis does not answer")
    assert str(vars(message)["cause"]).startswith("Redis Cluster is not supported")
