"""Locks that end by themselves are looked for as long as the process runs."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from jubilee.domain.attempts import guard as module
from jubilee.domain.attempts.attempt import LockEnd
from jubilee.domain.attempts.guard import WATCH_INTERVAL_S, AttemptGuard
from jubilee.domain.attempts.memory import MemoryAttemptStore
from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import UserId
from tests.conftest import SignUp
from tests.fakes.attempts import FakeAttemptObserver
from tests.fakes.store import FakeClock


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store does not answer the first time."""
    outages, pop_ended_locks = [Unavailable()], MemoryAttemptStore.pop_ended_locks

    async def pop(store: MemoryAttemptStore) -> Sequence[UserId]:
        if outages:
            raise outages.pop()
        return await pop_ended_locks(store)

    monkeypatch.setattr(MemoryAttemptStore, "pop_ended_locks", pop)


@pytest.mark.usefixtures("outage")
async def test_ended_locks_are_recorded_at_each_interval_even_after_an_outage(
    guard: AttemptGuard,
    attempt_observer: FakeAttemptObserver,
    sign_up: SignUp,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zoe, pauses = (await sign_up("zoe")).user.id, list[float]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        clock.tick(seconds=seconds)
        if len(pauses) > 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(module, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": pause}))
    await guard.store.add_lock(zoe, seconds=10)
    with pytest.raises(asyncio.CancelledError):
        await guard.watch_locks()
    assert pauses == [WATCH_INTERVAL_S] * 4
    assert attempt_observer.unlocked == [(zoe, LockEnd.EXPIRED)]
