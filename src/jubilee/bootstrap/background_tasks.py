"""Tasks beside the requests or jobs of a process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

RESTART_PAUSE_S = 5.0  # after a failure

BackgroundWork: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
"""Runs until cancelled, or returns when it is done."""

logger = logging.getLogger(__name__)


@asynccontextmanager
async def background_tasks(*works: BackgroundWork, cancel_s: float) -> AsyncIterator[None]:
    """Run them within the block; at its end, cancel them and wait `cancel_s` seconds for them.

    One that fails is logged, and begins again after RESTART_PAUSE_S; block and others go on.
    """
    tasks = [asyncio.create_task(_keep_running(work), name=_name(work)) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=cancel_s)


def _name(work: BackgroundWork) -> str | None:
    """Return the name of the function; None, which leaves the choice to asyncio, if it has none."""
    return getattr(work.func if isinstance(work, partial) else work, "__qualname__", None)


async def _keep_running(work: BackgroundWork) -> None:
    while True:
        try:
            await work()
        except Exception:
            logger.exception("background task failed")
        else:
            return
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # an error took the place of the cancellation
            return
        await asyncio.sleep(RESTART_PAUSE_S)
