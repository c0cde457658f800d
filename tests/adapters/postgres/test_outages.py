"""The reasons logged when no connection can be opened: by cause, without passwords."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from jubilee.adapters.embedded import postgres as embedded
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.errors import Unavailable
from jubilee.urls.database import checked_database_url

PASSWORD = "opensesame"
HBA = """\
local all jubilee trust
host all rejected 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True, slots=True)
class TcpServer:
    """A PostgreSQL on TCP that requires a password."""

    port: int
    socket_folder: Path

    @property
    def login(self) -> str:
        return f"postgresql://ordinary:{PASSWORD}"

    @property
    def url(self) -> str:
        return f"{self.login}@127.0.0.1:{self.port}/jubilee"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpServer]:
    """The running server without its roles."""
    folder = tmp_path_factory.mktemp("tcp")
    found = TcpServer(free_port(), folder / "s")
    settings = [s for s in embedded.SETTINGS if s.split("=")[0] not in {"listen_addresses", "port"}]
    own = (*settings, f"port={found.port}", "listen_addresses=127.0.0.1")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(embedded, "SETTINGS", own)
        running = embedded.EmbeddedPostgres(folder / "data", found.socket_folder, durable=False)
        running.start()
        yield found
        running.stop()


@pytest.fixture(scope="module")
async def server(started: TcpServer) -> TcpServer:
    """The server with a role that has a password."""
    admin = await asyncpg.connect(
        host=str(started.socket_folder), port=started.port, user="jubilee", database="jubilee"
    )
    await admin.execute(f"CREATE ROLE ordinary LOGIN PASSWORD '{PASSWORD}'")
    hba = Path(await admin.fetchval("SHOW hba_file"))
    await asyncio.to_thread(hba.write_text, HBA)
    await admin.execute("SELECT pg_reload_conf()")
    await admin.close()
    return started


@asynccontextmanager
async def open_pool(url: str) -> AsyncIterator[ConnectionPool]:
    checked = checked_database_url(SecretStr(url)).get_secret_value()
    pool = ConnectionPool(checked, size=1, timeout=60)
    yield pool
    await pool.close()


async def port_of(url: str) -> object:
    async with open_pool(url) as pool, pool.connection() as driver:
        return await driver.fetchval("SELECT inet_server_port()")


async def reason(url: str) -> str:
    async with open_pool(url) as pool:
        with pytest.raises(Unavailable) as refused:
            async with pool.connection():
                pass
    assert PASSWORD not in refused.value.reason
    return refused.value.reason


@asynccontextmanager
async def listener(answer: bytes) -> AsyncIterator[int]:
    """Listen on a port where each connection gets this answer only."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("password=wrong", 'wrong password: password authentication failed for user "ordinary"'),
        ("user=rejected", "user not admitted: pg_hba.conf rejects connection for host"),
        ("dbname=nowhere", 'unknown database: database "nowhere" does not exist'),
        ("host=nowhere.invalid", "unknown host: "),
        ("port=1", "connection refused: "),
        ("sslmode=require", "TLS failed: "),
        ("target_session_attrs=standby", "no host matches target_session_attrs"),
    ],
)
async def test_each_cause_has_its_own_message(server: TcpServer, query: str, expected: str) -> None:
    assert (await reason(f"{server.url}?{query}")).startswith(expected)


async def test_a_server_that_does_not_answer_has_its_own_message() -> None:
    async with listener(answer=b"") as port:
        url = f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/d?connect_timeout=1"
        assert await reason(url) == "no answer in time"


async def test_several_hosts_are_tried_in_turn_and_each_failure_is_reported(
    server: TcpServer,
) -> None:
    url = f"{server.login}@127.0.0.1:1,127.0.0.1:{server.port}/jubilee"
    assert await port_of(f"{url}?target_session_attrs=read-write") == server.port
    assert await port_of(f"{url}?target_session_attrs=prefer-standby") == server.port
    expected = await reason(f"{url}?target_session_attrs=read-only")
    assert expected.startswith("no host can be used: 127.0.0.1:1 connection refused")
    assert f"127.0.0.1:{server.port} no host matches target_session_attrs" in expected


async def test_a_host_that_hangs_leaves_time_for_the_next(server: TcpServer) -> None:
    async with listener(answer=b"") as silent:
        url = f"{server.login}@127.0.0.1:{silent},127.0.0.1:{server.port}/jubilee"
        assert await port_of(f"{url}?connect_timeout=4") == server.port
