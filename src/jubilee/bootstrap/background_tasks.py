"""Tasks that run as long as the process does."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

logger = logging.getLogger(__name__)


@asynccontextmanager
async def background_tasks(
    *works: Coroutine[Any, Any, None], cancel_s: float
) -> AsyncIterator[None]:
    """Run them within the block; at its end, cancel them and wait `cancel_s` seconds for them.

    The failure of one is logged at once, and ends neither the block nor the others.
    """
    tasks = [asyncio.create_task(work) for work in works]
    for task in tasks:
        task.add_done_callback(_log_failure)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=cancel_s)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("background task failed", exc_info=error)
