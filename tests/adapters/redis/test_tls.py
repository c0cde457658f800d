"""Redis over TLS: whom the client trusts, and how it shows who it is itself.

On containers it is Redis' own TLS; the embedded server has none, so TLS ends just before it.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from jubilee.adapters.redis.client import RedisClient
from tests.adapters.arq.queue_workers import Site, dispatches
from tests.certificates import make_certificate
from tests.servers import Servers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key, for the server and for clients alike."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder, "IP:127.0.0.1")
    return folder


@pytest.fixture(scope="module")
def container_port(folder: Path, servers: Servers) -> Iterator[int | None]:
    """Where a container's Redis speaks TLS, in a run on containers."""
    with ExitStack() as stack:
        starts = servers.kind == "containers"
        yield (
            stack.enter_context(import_module("tests.containers").tls_redis(folder))
            if starts
            else None
        )


@pytest.fixture
async def port(folder: Path, servers: Servers, container_port: int | None) -> AsyncIterator[int]:
    """Where Redis speaks TLS, and wants a certificate of its clients."""
    if container_port is not None:
        yield container_port
    else:
        async with tls_before(unquote(urlsplit(servers.redis_url).path), folder) as port:
            yield port


@asynccontextmanager
async def tls_before(path: str, folder: Path) -> AsyncIterator[int]:
    """Yield the port at which TLS ends and is passed on to the Redis at this socket."""
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


async def refusal(url: str, caplog: pytest.LogCaptureFixture) -> str:
    """Why the server cannot be used."""
    client = RedisClient(url, timeout=5)
    with caplog.at_level(logging.WARNING):
        assert not await client.ping()
    await client.close()
    return str(vars(caplog.records[-1])["cause"])


async def test_jobs_are_sent_and_taken_with_a_certificate_at_each_end(
    port: int, folder: Path
) -> None:
    cert, key = folder / "cert.pem", folder / "key.pem"
    login = f"ssl_ca_certs={cert}&ssl_certfile={cert}&ssl_keyfile={key}"
    site = Site(f"rediss://127.0.0.1:{port}/0?{login}")
    site.start()
    jobs = dispatches(3)
    await site.send(jobs)
    await site.runs.until(3)
    assert {job.reference for job in jobs} <= set(site.runs.started)
    await site.close()


async def test_a_server_that_no_authority_vouches_for_is_refused(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    said = await refusal(f"rediss://:Zq7@127.0.0.1:{port}/0", caplog)
    assert said.startswith("TLS: self")
    assert "Zq7" not in said


async def test_a_certificate_of_another_host_is_refused_unless_the_name_does_not_matter(
    port: int, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cert, key = folder / "cert.pem", folder / "key.pem"
    url = f"rediss://localhost:{port}/0?ssl_ca_certs={cert}&ssl_certfile={cert}&ssl_keyfile={key}"
    assert "TLS: Hostname mismatch" in await refusal(url, caplog)
    client = RedisClient(f"{url}&ssl_check_hostname=false", timeout=5)
    assert await client.ping()
    await client.close()


async def test_a_client_without_a_certificate_is_refused(
    port: int, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={folder / 'cert.pem'}"
    said = await refusal(url, caplog)  # TLS 1.3 tells a client after its own part is done
    assert said in {"TLS: TLSV13_ALERT_CERTIFICATE_REQUIRED", "connection lost"}
