"""Finding the master by Sentinel, also past Sentinels that hang or fail."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import count

import pytest
from redis import exceptions

from jubilee.adapters.redis.client import RedisClient
from jubilee.adapters.redis.connections import MasterConnection
from jubilee.adapters.redis.failures import REPLICA
from jubilee.adapters.redis.master_finder import MasterFinder
from tests.support.redis_servers import MASTER, SENTINEL_PASSWORD, SentinelGroup, running_group
from tests.support.running import free_port

READ_ONLY = b"-READONLY You can't write against a read only replica.\r\n"


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelGroup]:
    """A group whose master is not taken for down on a busy machine."""
    with running_group(tmp_path_factory.mktemp("sentinel"), down_after_s=60) as group:
        yield group


@pytest.fixture
async def hanging() -> AsyncIterator[int]:
    """The port of a Sentinel that accepts connections and never answers."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@asynccontextmanager
async def replying(reply: Callable[[bytes], bytes]) -> AsyncIterator[int]:
    """Serve in this event loop, and yield the port: each command takes the same steps."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while sent := await reader.read(4096):
                writer.write(reply(sent) or b"+OK\r\n" * sent.count(b"SETINFO"))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def sentinel_of(port: int) -> Callable[[bytes], bytes]:
    """Return the reply of a Sentinel whose master has this port."""
    state = ("ip", "127.0.0.1", "port", f"{port}", "flags", "master")
    reply = f"*{len(state)}\r\n" + "".join(f"${len(text)}\r\n{text}\r\n" for text in state)
    return lambda sent: reply.encode() if b"SENTINEL" in sent else b""


@pytest.fixture
async def answering() -> AsyncIterator[int]:
    """The port of a Sentinel."""
    async with replying(sentinel_of(7)) as port:
        yield port


async def cause(url: str) -> str:
    """Return the cause of the failure."""
    causes: list[str] = []
    client = RedisClient(url, timeout=60, on_failure=causes.append)
    assert not await client.ping()
    await client.close()
    return causes[-1]


async def test_the_master_is_used_in_its_database(group: SentinelGroup) -> None:
    client = RedisClient(group.url, timeout=60)
    await client.run("SET", lambda redis: redis.set("key", "value", ex=60))
    await client.close()
    assert group.master.ask("INFO", "keyspace")["db1"]["keys"] == 1


async def test_hanging_and_missing_sentinels_cost_no_time(
    group: SentinelGroup, hanging: int
) -> None:
    others = f"127.0.0.1:{hanging},127.0.0.1:{free_port()},"
    url = group.url.replace("127.0.0.1", f"{others}127.0.0.1", 1)
    client = RedisClient(url, timeout=60)
    async with asyncio.timeout(30):
        assert await client.ping()
    await client.close()


async def test_no_question_to_a_sentinel_goes_on_after_the_answer(group: SentinelGroup) -> None:
    sentinels = [("127.0.0.1", sentinel.port) for sentinel in group.sentinels]
    find = MasterFinder(MASTER, sentinels, {"password": SENTINEL_PASSWORD})
    before = asyncio.all_tasks()
    assert await find() == ("127.0.0.1", group.master.port)
    assert asyncio.all_tasks() <= before


async def test_a_question_closes_its_connection_at_whichever_step_it_is_cancelled(
    answering: int,
) -> None:
    find = MasterFinder(MASTER, [("127.0.0.1", answering)], {})
    with warnings.catch_warnings(record=True, action="always") as unclosed:
        for steps in count():
            asking = asyncio.create_task(find._ask("127.0.0.1", answering))
            for _ in range(steps):
                await asyncio.sleep(0)
            if asking.done():
                break
            asking.cancel()
            await asyncio.wait([asking])
        gc.collect()
    assert steps > 10
    assert [str(warning.message) for warning in unclosed] == []


async def test_an_unknown_master_name_is_reported(group: SentinelGroup) -> None:
    url = group.url.replace(f"/{MASTER}/", "/other/")
    assert await cause(url) == "no Sentinel names a master: unknown name"


async def test_a_wrong_sentinel_password_is_reported(group: SentinelGroup) -> None:
    url = group.url.replace(SENTINEL_PASSWORD, "wrong")
    assert await cause(url) == "no Sentinel names a master: wrong user or password"


async def test_unreachable_sentinels_are_reported() -> None:
    url = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{free_port()}/{MASTER}"
    assert await cause(url) == "no Sentinel names a master: connection refused"


async def test_a_connection_to_a_former_master_is_closed_and_names_the_cause() -> None:
    async with (
        replying(lambda sent: READ_ONLY if b"INCR" in sent else b"") as master,
        replying(sentinel_of(master)) as sentinel,
    ):
        find = MasterFinder(MASTER, [("127.0.0.1", sentinel)], {})
        connection = MasterConnection(find_master=find)
        await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
        await connection.send_command("INCR", "n")
        with pytest.raises(exceptions.ConnectionError, match=REPLICA):
            await connection.read_response()
        assert not connection.is_connected
