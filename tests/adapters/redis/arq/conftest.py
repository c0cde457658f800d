"""A queue on the real Redis."""

from collections.abc import AsyncIterator

import pytest

from tests.adapters.redis.arq.queue_workers import QueueSite, open_site
from tests.servers import Servers


@pytest.fixture
async def site(servers: Servers) -> AsyncIterator[QueueSite]:
    """A queue and its workers, which are stopped afterwards."""
    async with open_site(servers.redis_url) as site:
        yield site
