"""A queue on the real Redis."""

from collections.abc import AsyncIterator

import pytest

from tests.adapters.redis.arq.queue_workers import QueueSite
from tests.servers import Servers


@pytest.fixture
async def site(servers: Servers) -> AsyncIterator[QueueSite]:
    """A queue and its workers, which are stopped afterwards."""
    site = QueueSite(servers.redis_url)
    await site.pool.flushall()
    yield site
    await site.close()
