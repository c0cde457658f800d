"""The announcer: nobody waits for it, and nothing stops it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs import dispatch_buffer as announcing
from jubilee.domain.jobs.dispatch_buffer import BATCH, ROOM, Announcer
from jubilee.domain.jobs.kinds import KindSet, Lane
from jubilee.domain.jobs.routing import KindSetReader, Router
from jubilee.domain.jobs.store import Courier, Dispatch, Reference
from tests.fakes.job_store import FakeCourier
from tests.fakes.store import fresh_id


def dispatches(number: int) -> list[Dispatch]:
    return [Dispatch(Reference(fresh_id(), 0), Lane.USER, 5, "echo") for _ in range(number)]


class OneQueue(KindSetReader):
    """A worker that knows the only kind."""

    async def kind_sets(self) -> Mapping[KindSet, int]:
        return {KindSet(frozenset({"echo"})): 1}


def announcer_to(courier: Courier) -> Announcer:
    return Announcer(courier, Router(OneQueue(), lambda: 0))


@dataclass(slots=True)
class SlowCourier(Courier):
    """Hangs until it is told to go on."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[Sequence[Dispatch]] = field(default_factory=list)

    async def send(self, dispatches: Sequence[Dispatch], to: KindSet) -> None:
        self.batches.append(dispatches)
        await self.gate.wait()

    async def missing(self, dispatches: Sequence[Dispatch], to: KindSet) -> Sequence[Dispatch]:
        return ()


@pytest.fixture(autouse=True)
def short_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "REST", 0.01)


@pytest.fixture
async def courier() -> FakeCourier:
    return FakeCourier()


@pytest.fixture
async def announcer(courier: FakeCourier) -> AsyncIterator[Announcer]:
    announcer = announcer_to(courier)
    running = asyncio.create_task(announcer.run())
    yield announcer
    running.cancel()


async def test_what_is_announced_is_sent_in_its_order(
    announcer: Announcer, courier: FakeCourier
) -> None:
    jobs = dispatches(3)
    announcer.announce(jobs[:1])
    announcer.announce(jobs[1:])
    await asyncio.sleep(0.01)
    assert courier.sent == jobs


@pytest.mark.parametrize("error", [Unavailable(), RuntimeError("a bug")])
async def test_a_courier_that_fails_does_not_stop_it(
    announcer: Announcer, courier: FakeCourier, error: Exception
) -> None:
    lost, *kept = dispatches(3)
    courier.failures.append(error)
    announcer.announce([lost])
    await asyncio.sleep(0.005)
    announcer.announce(kept)
    await asyncio.sleep(0.05)
    assert courier.sent == kept


async def test_it_is_bounded_and_drops_what_does_not_fit() -> None:
    courier = SlowCourier()
    announcer = announcer_to(courier)
    first, *jobs = dispatches(ROOM + 100)
    running = asyncio.create_task(announcer.run())
    announcer.announce([first])
    await asyncio.sleep(0.01)
    announcer.announce(jobs)
    announcer.announce(dispatches(1))
    courier.gate.set()
    await asyncio.sleep(0.05)
    running.cancel()
    assert [len(batch) for batch in courier.batches] == [1] + [BATCH] * (ROOM // BATCH)
    assert [d for batch in courier.batches for d in batch] == [first, *jobs[:ROOM]]
