"""DATABASE_URL's certificates against a PostgreSQL that has TLS, which the embedded one has not."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import docker
import pytest
from pydantic import SecretStr

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.errors import Unavailable
from jubilee.urls.database import checked_database_url
from tests.deploy.commands import execute
from tests.deploy.compose import ANSWER_S
from tests.deploy.conftest import eventually, listens
from tests.support.certificates import make_certificate

PASSWORD = "opensesame"
HBA = """\
local all all trust
hostssl all test all cert
hostssl all tls all scram-sha-256
hostnossl all plain all scram-sha-256
"""
ROLES = "; ".join(
    f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'" for name in ("test", "tls", "plain")
)
START = """
install -o postgres -g postgres -m 600 /given/* /var/lib/postgresql/
exec docker-entrypoint.sh postgres -c fsync=off -c ssl=on -c hba_file=/var/lib/postgresql/hba.conf \
  -c ssl_cert_file=/var/lib/postgresql/cert.pem -c ssl_key_file=/var/lib/postgresql/key.pem \
  -c ssl_ca_file=/var/lib/postgresql/cert.pem
"""


@dataclass(frozen=True, slots=True)
class TlsServer:
    """Takes `tls` by TLS, `plain` without it, and `test` by its certificate."""

    port: int
    folder: Path

    def url(self, user: str, query: str) -> str:
        password = "" if user == "test" else f":{PASSWORD}"
        return f"postgresql://{user}{password}@127.0.0.1:{self.port}/postgres?{query}"

    @property
    def roots(self) -> str:
        return f"sslrootcert={self.folder}/cert.pem"

    @property
    def client(self) -> str:
        return f"sslcert={self.folder}/cert.pem&sslkey={self.folder}/key.pem"


@pytest.fixture(scope="module")
def server(
    engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TlsServer]:
    """The server with its roles."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder, "IP:127.0.0.1")
    (folder / "hba.conf").write_text(HBA)
    container = engine.containers.run(
        "postgres:17-alpine",
        entrypoint=["sh", "-c", START],
        environment={"POSTGRES_PASSWORD": PASSWORD},
        volumes={str(folder): {"bind": "/given", "mode": "ro"}},
        ports={"5432/tcp": ("127.0.0.1", None)},
        tmpfs={"/var/lib/postgresql/data": ""},
        detach=True,
    )
    try:
        _create_roles(container)
        container.reload()
        yield TlsServer(int(container.ports["5432/tcp"][0]["HostPort"]), folder)
    finally:
        container.remove(force=True, v=True)


def _create_roles(container: docker.models.containers.Container) -> None:
    assert eventually(lambda: listens(container)), container.logs(tail=5).decode()
    code, output = execute(container, "psql", "-U", "postgres", "-c", ROLES)
    assert code == 0, output


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    checked = checked_database_url(SecretStr(url)).get_secret_value()
    pool = ConnectionPool(checked, size=1, timeout=ANSWER_S)
    try:
        async with pool.connection() as driver:
            yield driver
    finally:
        await pool.close()


async def encrypted(url: str) -> bool:
    async with connection(url) as driver:
        query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        return bool(await driver.fetchval(query))


async def reason(url: str) -> str:
    with pytest.raises(Unavailable) as refused:
        async with connection(url):
            pass
    assert PASSWORD not in refused.value.reason
    return refused.value.reason


@pytest.mark.parametrize(
    ("mode", "user", "tls"),
    [
        ("disable", "plain", False),
        ("allow", "plain", False),
        ("allow", "tls", True),
        ("prefer", "tls", True),
        ("prefer", "plain", False),
        ("require", "tls", True),
        ("verify-ca", "tls", True),
        ("verify-full", "tls", True),
    ],
)
async def test_each_sslmode_encrypts_as_in_libpq(
    server: TlsServer, mode: str, user: str, *, tls: bool
) -> None:
    roots = f"&{server.roots}" if mode.startswith("verify") else ""
    assert await encrypted(server.url(user, f"sslmode={mode}{roots}")) is tls


async def test_a_client_certificate_replaces_the_password(server: TlsServer) -> None:
    query = f"sslmode=verify-full&{server.roots}"
    assert await encrypted(server.url("test", f"{query}&{server.client}"))
    said = await reason(server.url("test", query))
    assert said.startswith("user not admitted: connection requires a valid client certificate")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sslmode=disable", "user not admitted: no pg_hba.conf entry for host"),
        ("sslmode=verify-full&sslrootcert=system", "TLS failed: "),
        ("sslmode=require&password=wrong", "wrong password: "),
        ("sslmode=require&dbname=nowhere", "unknown database: "),
    ],
)
async def test_a_tls_failure_is_distinguished_from_a_wrong_password(
    server: TlsServer, query: str, said: str
) -> None:
    assert (await reason(server.url("tls", query))).startswith(said)
