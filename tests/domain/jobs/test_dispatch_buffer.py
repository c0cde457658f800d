"""The dispatch buffer never blocks callers, and survives failures of the dispatcher."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs import dispatch_buffer as module
from jubilee.domain.jobs.dispatch_buffer import BATCH_SIZE, MAX_BUFFERED_JOBS, DispatchBuffer
from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.routing import JobRouter, KindSetReader
from jubilee.domain.jobs.store import Dispatch, JobDispatcher, JobReference
from tests.fakes.due_jobs import FakeDispatcher


def dispatches(number: int) -> list[Dispatch]:
    return [
        Dispatch(JobReference(new_id(), 0), JobQueueName.USER, 5, "echo") for _ in range(number)
    ]


class OneQueue(KindSetReader):
    """One live worker, which knows the kind `echo`."""

    async def kind_sets(self) -> Mapping[KindSet, int]:
        return {KindSet(frozenset({"echo"})): 1}


def buffer_to(dispatcher: JobDispatcher) -> DispatchBuffer:
    return DispatchBuffer(dispatcher, JobRouter(OneQueue(), lambda: 0, monotonic))


@dataclass(slots=True)
class BlockedDispatcher(FakeDispatcher):
    """Record each batch, and block until `gate` is set."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[Sequence[Dispatch]] = field(default_factory=list)

    async def send(self, dispatches: Sequence[Dispatch], to: KindSet) -> None:
        self.batches.append(dispatches)
        await self.gate.wait()


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.01)


@pytest.fixture
async def dispatcher() -> FakeDispatcher:
    return FakeDispatcher()


@pytest.fixture
async def dispatch_buffer(dispatcher: FakeDispatcher) -> AsyncIterator[DispatchBuffer]:
    dispatch_buffer = buffer_to(dispatcher)
    running = asyncio.create_task(dispatch_buffer.run())
    yield dispatch_buffer
    running.cancel()


async def test_buffered_jobs_are_sent_in_order(
    dispatch_buffer: DispatchBuffer, dispatcher: FakeDispatcher
) -> None:
    jobs = dispatches(3)
    dispatch_buffer.dispatch_soon(jobs[:1])
    dispatch_buffer.dispatch_soon(jobs[1:])
    await asyncio.sleep(0.01)
    assert dispatcher.sent == jobs


@pytest.mark.parametrize("error", [Unavailable(), RuntimeError("a bug")])
async def test_the_buffer_survives_a_failing_dispatcher(
    dispatch_buffer: DispatchBuffer, dispatcher: FakeDispatcher, error: Exception
) -> None:
    lost, *kept = dispatches(3)
    dispatcher.failures.append(error)
    dispatch_buffer.dispatch_soon([lost])
    await asyncio.sleep(0.005)
    dispatch_buffer.dispatch_soon(kept)
    await asyncio.sleep(0.05)
    assert dispatcher.sent == kept


async def test_a_full_buffer_drops_further_jobs() -> None:
    dispatcher = BlockedDispatcher()
    dispatch_buffer = buffer_to(dispatcher)
    first, *jobs = dispatches(MAX_BUFFERED_JOBS + 100)
    running = asyncio.create_task(dispatch_buffer.run())
    dispatch_buffer.dispatch_soon([first])
    await asyncio.sleep(0.01)
    dispatch_buffer.dispatch_soon(jobs)
    dispatch_buffer.dispatch_soon(dispatches(1))
    dispatcher.gate.set()
    await asyncio.sleep(0.05)
    running.cancel()
    assert [len(batch) for batch in dispatcher.batches] == [1] + [BATCH_SIZE] * (
        MAX_BUFFERED_JOBS // BATCH_SIZE
    )
    assert [d for batch in dispatcher.batches for d in batch] == [first, *jobs[:MAX_BUFFERED_JOBS]]
