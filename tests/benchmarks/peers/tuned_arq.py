"""ARQ alone with jobs that do nothing: polls each 20 ms, runs 100 at a time, keeps no results."""

import sys
from typing import Any

from arq import run_worker
from arq.connections import RedisSettings
from arq.worker import func

from tests.benchmarks.peers.stamps import stamp


async def nothing(ctx: dict[Any, Any]) -> None:
    """Do nothing."""
    del ctx


async def stamped(ctx: dict[Any, Any], sent: float) -> None:
    """Write how long ago the job was sent."""
    del ctx
    stamp(sent)


class Settings:
    """Of ARQ's worker."""

    functions = (func(nothing, name="nothing"), func(stamped, name="stamped"))
    queue_name = "bench"
    redis_settings = RedisSettings.from_dsn(sys.argv[1])
    max_jobs = 100
    queue_read_limit = 500
    poll_delay = 0.02
    keep_result = 0


if __name__ == "__main__":
    run_worker(Settings)  # type: ignore[arg-type]  # ARQ reads the attributes of any class
