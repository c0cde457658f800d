"""Redis over TLS: verification of the server, and certificates of the client.

On containers it is Redis' own TLS; the embedded server has none, so TLS ends just before it.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from jubilee.adapters.redis.client import RedisClient
from tests.adapters.redis.arq.queue_workers import QueueSite, dispatches
from tests.servers import Servers
from tests.support.certificates import make_certificate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a certificate and its key, for the server and for clients."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder, "IP:127.0.0.1")
    return folder


@pytest.fixture(scope="module")
def container_port(folder: Path, servers: Servers) -> Iterator[int | None]:
    """The TLS port of a container's Redis; None on embedded servers."""
    with ExitStack() as stack:
        starts = servers.kind == "containers"
        yield (
            stack.enter_context(import_module("tests.containers").tls_redis(folder))
            if starts
            else None
        )


@pytest.fixture
async def port(folder: Path, servers: Servers, container_port: int | None) -> AsyncIterator[int]:
    """The port of a Redis over TLS that requires client certificates."""
    if container_port is not None:
        yield container_port
    else:
        async with tls_before(unquote(urlsplit(servers.redis_url).path), folder) as port:
            yield port


@asynccontextmanager
async def tls_before(path: str, folder: Path) -> AsyncIterator[int]:
    """Terminate TLS on a port and forward to the Redis at this socket."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "cert.pem")
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, commands = await asyncio.open_unix_connection(path)
        await asyncio.gather(pump(reader, commands), pump(answers, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until either end closes."""
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    except OSError:
        pass
    writer.close()


async def refusal(url: str) -> str:
    """Return the cause of the failure."""
    causes: list[str] = []
    client = RedisClient(url, timeout=5, on_failure=causes.append)
    assert not await client.ping()
    await client.close()
    return causes[-1]


async def test_jobs_run_over_mutual_tls(port: int, folder: Path) -> None:
    cert, key = folder / "cert.pem", folder / "key.pem"
    login = f"ssl_ca_certs={cert}&ssl_certfile={cert}&ssl_keyfile={key}"
    site = QueueSite(f"rediss://127.0.0.1:{port}/0?{login}")
    await site.pool.flushall()  # messages that other tests left
    site.start()
    jobs = dispatches(3)
    await site.send(jobs)
    await site.runs.until(3)
    await site.close()
    assert {job.reference for job in jobs} == set(site.runs.started)


async def test_an_untrusted_redis_is_refused(port: int) -> None:
    message = await refusal(f"rediss://:Zq7@127.0.0.1:{port}/0")
    assert message.startswith("TLS: self")
    assert "Zq7" not in message


async def test_a_certificate_of_another_host_is_refused_unless_names_are_ignored(
    port: int, folder: Path
) -> None:
    cert, key = folder / "cert.pem", folder / "key.pem"
    url = f"rediss://localhost:{port}/0?ssl_ca_certs={cert}&ssl_certfile={cert}&ssl_keyfile={key}"
    assert "TLS: Hostname mismatch" in await refusal(url)
    client = RedisClient(f"{url}&ssl_check_hostname=false", timeout=5)
    assert await client.ping()
    await client.close()


async def test_a_client_without_a_certificate_is_refused(port: int, folder: Path) -> None:
    url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={folder / 'cert.pem'}"
    message = await refusal(url)  # TLS 1.3 reports it after the client's part of the handshake
    assert message in {"TLS: TLSV13_ALERT_CERTIFICATE_REQUIRED", "connection lost"}
