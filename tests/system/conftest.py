"""Fixtures of the tests on real processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Servers
from tests.support.api import Api, Starter, starter


@pytest.fixture
def start_api(tmp_path: Path) -> Iterator[Starter]:
    """Start `jubilee api` with two URLs and settings; each is gone afterwards."""
    yield from starter(tmp_path)


@pytest.fixture
def api(start_api: Starter, servers: Servers, database_url: str) -> Api:
    """One that is ready, on a database of its own."""
    return start_api(database_url, servers.redis_url).ready()
