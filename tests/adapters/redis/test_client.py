"""The client of Redis for requests."""

import asyncio

from jubilee.adapters.redis.client import RedisClient
from tests.servers import Servers


async def test_a_command_ends_at_whichever_step_it_is_cancelled(servers: Servers) -> None:
    client = RedisClient(servers.redis_url, timeout=5)
    for steps in range(60):
        asking = asyncio.create_task(client.ping())
        for _ in range(steps):
            await asyncio.sleep(0)
        is_late = not asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled() or is_late, steps
        await client.close()
