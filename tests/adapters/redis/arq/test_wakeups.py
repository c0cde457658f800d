"""The pause between a wake-up and the poll that follows it."""

import asyncio

import pytest

from jubilee.adapters.redis.arq import wakeups
from jubilee.adapters.redis.arq.pool import arq_pool
from jubilee.adapters.redis.arq.wakeups import Wakeups
from tests.support.api import NO_REDIS

AN_HOUR_S = 3600.0


@pytest.fixture(autouse=True)
def debounce(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pause so long that a test cannot wait for its end."""
    monkeypatch.setattr(wakeups, "DEBOUNCE_S", AN_HOUR_S)


async def test_a_worker_that_was_idle_polls_at_once() -> None:
    times = iter([0.0, AN_HOUR_S])
    awake = Wakeups(arq_pool(NO_REDIS), "channel", lambda: next(times))
    waiting = asyncio.create_task(awake.wait(AN_HOUR_S))
    awake.wake()
    async with asyncio.timeout(30):
        await waiting


async def test_wake_ups_right_after_a_poll_share_the_next_one() -> None:
    awake = Wakeups(arq_pool(NO_REDIS), "channel", lambda: 0.0)
    awake.wake()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await awake.wait(AN_HOUR_S)
