"""Wait for conditions that no event announces."""

import asyncio
from collections.abc import Callable
from time import monotonic

INTERVAL_S = 0.02


async def poll(condition: Callable[[], bool], seconds: float) -> None:
    """Return when the condition holds, or after `seconds`."""
    deadline = monotonic() + seconds
    while not condition() and monotonic() < deadline:  # noqa: ASYNC110  # a signal sets the flag
        await asyncio.sleep(INTERVAL_S)
