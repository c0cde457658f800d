"""Fixtures of the tests on real processes."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Servers
from tests.support.api import Api, Starter, starter

ROOT = Path(__file__).parents[2]


@pytest.fixture
def start_api(tmp_path: Path) -> Iterator[Starter]:
    """Start `jubilee api` with two URLs and settings; each process ends with the test."""
    yield from starter(tmp_path)


@pytest.fixture
def api(start_api: Starter, servers: Servers, database_url: str) -> Api:
    """An API that is ready, on a new database."""
    return start_api(database_url, servers.redis_url).ready()


@pytest.fixture(scope="session")
def producer_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel for programs that only enqueue jobs; Python can import from it."""
    at = tmp_path_factory.mktemp("dist")
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ("make", "-o", ".venv/dev", "producer-wheel", f"DIST={at}")
    subprocess.run(command, cwd=ROOT, env=outside, check=True, timeout=60)
    (wheel,) = at.glob("*.whl")
    return wheel
