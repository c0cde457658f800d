"""Verification of PostgreSQL's certificate by DATABASE_URL."""

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
from tests.support.certificates import Certificate, make_certificate

SendsLogin = Callable[[str], Awaitable[bool]]


@dataclass(slots=True)
class TlsServer:
    """Speak PostgreSQL's protocol until the client sends its login."""

    context: ssl.SSLContext
    received_login: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readexactly(8)
            writer.write(b"S")
            await writer.start_tls(self.context)
            await reader.readexactly(8)
            self.received_login = True
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture(autouse=True)
def no_default_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the machine's own certificates for PostgreSQL."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path, "IP:127.0.0.1")


@pytest.fixture
async def sends_login(certificate: Certificate) -> AsyncIterator[SendsLogin]:
    """Return whether a client with these parameters sends its login to this server."""
    tls = TlsServer(certificate.server)
    server = await asyncio.start_server(tls.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def sends_login(query: str) -> bool:
        tls.received_login = False
        url = checked_database_url(SecretStr(f"postgresql://u:p@127.0.0.1:{port}/d?{query}"))
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await asyncpg.connect(**connection_arguments(url.get_secret_value()), timeout=5)
        return tls.received_login

    yield sends_login
    server.close()
    await server.wait_closed()


async def test_require_asks_for_no_certificate(sends_login: SendsLogin) -> None:
    assert await sends_login("sslmode=require")


@pytest.mark.parametrize("query", ["sslmode=verify-full&sslrootcert=system", "sslrootcert=system"])
async def test_an_untrusted_server_gets_no_login(sends_login: SendsLogin, query: str) -> None:
    assert not await sends_login(query)


@pytest.mark.parametrize("query", ["sslmode=verify-full&sslrootcert=system", "sslrootcert=system"])
async def test_a_server_trusted_by_the_system_gets_the_login(
    sends_login: SendsLogin, query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    assert await sends_login(query)


async def test_a_server_trusted_by_sslrootcert_gets_the_login(
    sends_login: SendsLogin, tmp_path: Path
) -> None:
    roots = f"sslrootcert={tmp_path / 'cert.pem'}"
    assert await sends_login(f"{roots}&sslmode=verify-full")
    assert await sends_login(f"{roots}&sslmode=verify-ca")


async def test_a_certificate_of_another_host_is_refused_by_verify_full(
    sends_login: SendsLogin, tmp_path: Path, certificate: Certificate
) -> None:
    make_certificate(tmp_path, "DNS:other.test")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.server.load_cert_chain(cert, key)
    assert await sends_login(f"sslrootcert={cert}&sslmode=verify-ca")
    assert not await sends_login(f"sslrootcert={cert}&sslmode=verify-full")


@pytest.mark.parametrize("query", ["sslmode=require", "sslrootcert=system"])
async def test_a_server_may_ask_for_a_certificate_in_turn(
    sends_login: SendsLogin,
    query: str,
    tmp_path: Path,
    certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    certificate.server.load_verify_locations(cert)
    certificate.server.verify_mode = ssl.CERT_REQUIRED
    assert not await sends_login(query)
    assert await sends_login(f"{query}&sslcert={cert}&sslkey={key}")
