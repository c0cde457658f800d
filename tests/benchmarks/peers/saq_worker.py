"""SAQ over Redis with jobs that do nothing: runs 100 at a time, keeps no results."""

import asyncio
import sys
from typing import Any

from redis.asyncio import Redis
from saq import Worker
from saq.queue.redis import RedisQueue

from tests.benchmarks.peers.stamps import stamp


async def nothing(ctx: Any) -> None:
    """Do nothing."""
    del ctx


async def stamped(ctx: Any, *, sent: float) -> None:
    """Write how long ago the job was sent."""
    del ctx
    stamp(sent)


def make_queue(url: str) -> RedisQueue:
    """Make the queue of the worker and of its client."""
    return RedisQueue(Redis.from_url(url), name="bench-saq")


async def main(url: str) -> None:
    """Run jobs until a signal."""
    functions: list[Any] = [("nothing", nothing), ("stamped", stamped)]
    await Worker(make_queue(url), functions, concurrency=100).start()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
