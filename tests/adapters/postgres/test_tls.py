"""To whom a connection of DATABASE_URL is opened, as far as certificates tell."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from jubilee.adapters.postgres.connection import connection_arguments
from jubilee.urls.database import checked_database_url
from tests.certificates import Certificate, make_certificate

Greets = Callable[[str], Awaitable[bool]]


@dataclass(slots=True)
class TlsServer:
    """Speaks PostgreSQL's protocol up to where the client says who it is."""

    context: ssl.SSLContext
    greeted: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readexactly(8)
            writer.write(b"S")
            await writer.start_tls(self.context)
            await reader.readexactly(8)
            self.greeted = True
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of the machine's own certificates for PostgreSQL."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path, "IP:127.0.0.1")


@pytest.fixture
async def greets(certificate: Certificate) -> AsyncIterator[Greets]:
    """Whether a client with such parameters tells this server who it is."""
    tls = TlsServer(certificate.server)
    server = await asyncio.start_server(tls.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def greets(query: str) -> bool:
        tls.greeted = False
        url = checked_database_url(SecretStr(f"postgresql://u:p@127.0.0.1:{port}/d?{query}"))
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await asyncpg.connect(**connection_arguments(url.get_secret_value()), timeout=5)
        return tls.greeted

    yield greets
    server.close()
    await server.wait_closed()


async def test_require_asks_for_no_certificate(greets: Greets) -> None:
    assert await greets("sslmode=require")


@pytest.mark.parametrize("query", ["sslmode=verify-full&sslrootcert=system", "sslrootcert=system"])
async def test_a_server_for_which_nobody_vouches_hears_nothing(greets: Greets, query: str) -> None:
    assert not await greets(query)


@pytest.mark.parametrize("query", ["sslmode=verify-full&sslrootcert=system", "sslrootcert=system"])
async def test_one_that_the_machine_trusts_is_greeted(
    greets: Greets, query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    assert await greets(query)


async def test_one_that_the_given_file_vouches_for_is_greeted(
    greets: Greets, tmp_path: Path
) -> None:
    roots = f"sslrootcert={tmp_path / 'cert.pem'}"
    assert await greets(f"{roots}&sslmode=verify-full")
    assert await greets(f"{roots}&sslmode=verify-ca")


async def test_a_certificate_of_another_host_is_refused_by_verify_full(
    greets: Greets, tmp_path: Path, certificate: Certificate
) -> None:
    make_certificate(tmp_path, "DNS:other.test")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.server.load_cert_chain(cert, key)
    assert await greets(f"sslrootcert={cert}&sslmode=verify-ca")
    assert not await greets(f"sslrootcert={cert}&sslmode=verify-full")


@pytest.mark.parametrize("query", ["sslmode=require", "sslrootcert=system"])
async def test_a_server_may_ask_for_a_certificate_in_turn(
    greets: Greets,
    query: str,
    tmp_path: Path,
    certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    certificate.server.load_verify_locations(cert)
    certificate.server.verify_mode = ssl.CERT_REQUIRED
    assert not await greets(query)
    assert await greets(f"{query}&sslcert={cert}&sslkey={key}")
