"""Rate limits of running processes that share Redis, and without Redis."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import httpx2
import pytest

from tests.support.api import Api, Starter
from tests.support.redis_servers import RedisServer

QUOTA, WINDOW_S = 40, 3600  # so long a window ends within a test once in hundreds of runs


@pytest.fixture
def apis(start_api: Starter, redis: RedisServer, database_url: str) -> Sequence[Api]:
    """Two processes with a small quota, behind a trusted proxy."""
    limits = f"anonymous={QUOTA}/{WINDOW_S}"
    env = {"RATE_LIMITS": limits, "TRUSTED_PROXIES": "127.0.0.1"}
    started = [start_api(database_url, redis.url, **env) for _ in range(2)]
    return [api.ready() for api in started]


async def greet(apis: Sequence[Api], address: str) -> Counter[int]:
    """Send three quotas of requests to all processes at once, and count the statuses."""
    async with httpx2.AsyncClient(timeout=60, headers={"X-Forwarded-For": address}) as client:
        calls = (client.get(f"{api.url}/hello/Nemo") for api in apis for _ in range(QUOTA * 3 // 2))
        answers = await asyncio.gather(*calls)
    assert all("RateLimit" in answer.headers for answer in answers)
    return Counter(answer.status_code for answer in answers)


async def test_processes_share_quotas_in_redis_and_have_smaller_ones_without_it(
    apis: Sequence[Api], redis: RedisServer
) -> None:
    assert await greet(apis, "192.0.2.1") == {404: QUOTA, 429: 2 * QUOTA}
    redis.kill()
    alone = len(apis) * QUOTA // 4
    assert await greet(apis, "192.0.2.2") == {404: alone, 429: 3 * QUOTA - alone}
