"""The package for programs that only enqueue jobs, installed without the service."""

import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psycopg
import pytest

from tests.servers import Servers
from tests.support.api import COMMAND
from tests.support.running import Up, eventually, free_port

PROGRAM = """
import asyncio, importlib.util, os, sys
import asyncpg
from jubilee_producer import enqueue_async

async def main():
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    async with connection.transaction():
        print(await enqueue_async(connection, "echo", {"n": 1}, key="shop/1"))
    await connection.close()

asyncio.run(main())
print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])
"""
ABSENT = ("jubilee", "sqlalchemy", "starlette", "redis", "psycopg")
STATUS = "SELECT status FROM jobs WHERE id = %s"
PATIENCE_S = 60


@pytest.fixture
def python(producer_wheel: Path, tmp_path: Path) -> Path:
    """The interpreter of an environment with only the package and a driver."""
    venv.create(tmp_path / "venv", symlinks=True)
    found = tmp_path / "venv" / "bin" / "python"
    install = ("-m", "uv", "pip", "install", "--quiet", "--offline", "--python", str(found))
    subprocess.run((sys.executable, *install, str(producer_wheel)), check=True, timeout=60)
    driver = Path(asyncpg.__file__).parent
    (site_packages,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site_packages / driver.name).symlink_to(driver)
    return found


@pytest.fixture
def worker(servers: Servers, database_url: str, tmp_path: Path) -> Iterator[Up]:
    urls = {"DATABASE_URL": database_url, "REDIS_URL": servers.redis_url}
    port = str(free_port())
    started = Up(
        tmp_path / "data", tmp_path, (*COMMAND, "worker"), WORKER_METRICS_PORT=port, **urls
    )
    yield started
    started.end()


def test_a_program_without_the_service_enqueues_a_job_and_a_worker_runs_it(
    python: Path, worker: Up, database_url: str
) -> None:
    command, url = (python, "-I", "-c", PROGRAM, *ABSENT), {"DATABASE_URL": database_url}
    said = subprocess.check_output(command, env=url, text=True, timeout=PATIENCE_S)
    job_id, absent = said.splitlines()
    assert absent == "[]"
    with psycopg.connect(database_url, autocommit=True) as connection:

        def is_done() -> bool:
            return connection.execute(STATUS, (job_id,)).fetchone() == ("succeeded",)

        assert eventually(is_done, within=PATIENCE_S), worker.output
