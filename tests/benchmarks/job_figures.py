"""What jobs cost a worker and its servers, and how soon one starts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import TypeAlias

from tests.benchmarks.processes import look

INTERVAL_S = 0.1  # counting what is left costs the servers as well
COLUMNS = {"worker": "cpu_us", "postgresql": "postgresql_us", "valkey": "redis_us"}

Figures: TypeAlias = dict[str, float]


async def drained(
    left: Callable[[], Awaitable[int]], jobs: int, pids: Mapping[str, int]
) -> Figures:
    """Wait until so many jobs have ended; return their rate, and the CPU of each.

    `pids` are those of the worker and of the servers, which `jubilee status` names.
    """
    before, began, cpu = await left(), monotonic(), used(pids)
    while (ended := before - await left()) < jobs:  # noqa: ASYNC110  # a count has no event
        await asyncio.sleep(INTERVAL_S)
    seconds = monotonic() - began
    costs = {COLUMNS[name]: (end - cpu[name]) / ended * 1e6 for name, end in used(pids).items()}
    return {"jobs_per_s": ended / seconds, **costs}


def used(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU that each process and its children have used, in seconds."""
    return {name: look(pids[name]).cpu_s for name in COLUMNS}


def percentiles(waits_ms: Sequence[float]) -> Figures:
    """Return the median and the 99th percentile."""
    waits = sorted(waits_ms)
    return {"p50_ms": waits[len(waits) // 2], "p99_ms": waits[len(waits) * 99 // 100]}
