"""Replacing `asyncio.sleep` for one test."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

import pytest


def replace_sleep(
    monkeypatch: pytest.MonkeyPatch, replacement: Callable[[float], Awaitable[None]]
) -> None:
    """Replace it for this task and for those that it creates.

    What other tests left running on the event loop, such as a server, sleeps as before.
    """
    replaced = ContextVar("replaced", default=False)
    replaced.set(True)
    sleep = asyncio.sleep

    async def sleep_or_replacement(seconds: float) -> None:
        await (replacement if replaced.get() else sleep)(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep_or_replacement)
