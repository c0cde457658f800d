"""Choosing a queue for a job, by what the live workers know."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from time import monotonic

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs import routing
from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.routing import JobRouter, KindSetReader
from jubilee.domain.jobs.store import Dispatch, JobReference
from tests.fakes.store import fresh_id

OLDER, NEWER = KindSet(frozenset({"echo"})), KindSet(frozenset({"echo", "new"}))


@dataclass(slots=True)
class FakeWorkers(KindSetReader):
    """Live workers by what they know."""

    sets: dict[KindSet, int] = field(default_factory=dict)
    reads: int = 0
    away: bool = False

    async def kind_sets(self) -> Mapping[KindSet, int]:
        self.reads += 1
        if self.away:
            raise Unavailable
        return dict(self.sets)


@pytest.fixture
def workers() -> FakeWorkers:
    return FakeWorkers({OLDER: 3, NEWER: 1})


@pytest.fixture
def router(workers: FakeWorkers) -> JobRouter:
    return JobRouter(workers, Random(1).random, monotonic)


def a_dispatch(kind: str) -> Dispatch:
    return Dispatch(JobReference(fresh_id(), 0), JobQueueName.USER, 5, kind)


async def test_a_new_kind_goes_to_the_new_workers_alone(router: JobRouter) -> None:
    new = [a_dispatch("new") for _ in range(20)]
    assert await router.route(new) == {NEWER: new}


async def test_a_common_kind_is_shared_by_the_number_of_workers(router: JobRouter) -> None:
    routed = await router.route([a_dispatch("echo") for _ in range(1000)])
    shares = Counter({known: len(dispatches) for known, dispatches in routed.items()})
    assert shares.total() == 1000
    assert 650 < shares[OLDER] < 850


@pytest.mark.parametrize("chance", [0.0, 0.999_999, 1.0])
async def test_every_chance_finds_a_queue(workers: FakeWorkers, chance: float) -> None:
    routed = await JobRouter(workers, lambda: chance, monotonic).route([a_dispatch("echo")])
    assert sum(map(len, routed.values())) == 1


async def test_a_kind_that_no_live_worker_knows_is_left_to_the_relay(router: JobRouter) -> None:
    known = a_dispatch("new")
    assert await router.route([a_dispatch("unheard.of"), known]) == {NEWER: [known]}


async def test_what_the_workers_know_is_read_again_when_it_is_old(
    router: JobRouter, workers: FakeWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await router.route([a_dispatch("new")])
    assert workers.reads == 1
    del workers.sets[NEWER]
    monkeypatch.setattr(routing, "REFRESH_S", 0)
    assert await router.route([a_dispatch("new")]) == {}


async def test_while_the_database_is_away_what_was_known_counts(
    router: JobRouter, workers: FakeWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await router.route([])
    workers.away = True
    monkeypatch.setattr(routing, "REFRESH_S", 0)
    new = a_dispatch("new")
    assert await router.route([new]) == {NEWER: [new]}


def test_a_fingerprint_depends_on_the_names_alone() -> None:
    again = KindSet(frozenset(["new", "echo"]))
    assert again.fingerprint == NEWER.fingerprint != OLDER.fingerprint
    assert (len(NEWER.fingerprint), NEWER.fingerprint.isalnum()) == (16, True)
