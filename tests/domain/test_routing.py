"""Choosing a queue for a job by the kinds that the live workers know."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from time import monotonic

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs import routing
from jubilee.domain.jobs.kinds import JobQueueName, KindSet
from jubilee.domain.jobs.routing import JobRouter, KindSetReader
from jubilee.domain.jobs.store import Dispatch, JobReference

OLDER, NEWER = KindSet(frozenset({"echo"})), KindSet(frozenset({"echo", "new"}))


@dataclass(slots=True)
class FakeWorkers(KindSetReader):
    """The number of live workers by the kinds they know."""

    sets: dict[KindSet, int] = field(default_factory=dict)
    reads: int = 0
    unavailable: bool = False

    async def kind_sets(self) -> Mapping[KindSet, int]:
        self.reads += 1
        if self.unavailable:
            raise Unavailable
        return dict(self.sets)


@pytest.fixture
def workers() -> FakeWorkers:
    return FakeWorkers({OLDER: 3, NEWER: 1})


@pytest.fixture
def router(workers: FakeWorkers) -> JobRouter:
    return JobRouter(workers, Random(1).random, monotonic)


def make_dispatch(kind: str) -> Dispatch:
    return Dispatch(JobReference(new_id(), 0), JobQueueName.USER, 5, kind)


async def test_a_new_kind_is_routed_to_the_new_workers_only(router: JobRouter) -> None:
    new = [make_dispatch("new") for _ in range(20)]
    assert await router.route(new) == {NEWER: new}


async def test_a_common_kind_is_distributed_by_the_number_of_workers(router: JobRouter) -> None:
    routed = await router.route([make_dispatch("echo") for _ in range(1000)])
    shares = Counter({known: len(dispatches) for known, dispatches in routed.items()})
    assert shares.total() == 1000
    assert 650 < shares[OLDER] < 850


@pytest.mark.parametrize("chance", [0.0, 0.999_999, 1.0])
async def test_every_random_number_selects_a_queue(workers: FakeWorkers, chance: float) -> None:
    routed = await JobRouter(workers, lambda: chance, monotonic).route([make_dispatch("echo")])
    assert sum(map(len, routed.values())) == 1


async def test_a_kind_that_no_live_worker_knows_is_not_routed(router: JobRouter) -> None:
    known = make_dispatch("new")
    assert await router.route([make_dispatch("unknown.kind"), known]) == {NEWER: [known]}


async def test_the_workers_kinds_are_read_again_after_the_refresh_interval(
    router: JobRouter, workers: FakeWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await router.route([make_dispatch("new")])
    assert workers.reads == 1
    del workers.sets[NEWER]
    monkeypatch.setattr(routing, "REFRESH_INTERVAL_S", 0)
    assert await router.route([make_dispatch("new")]) == {}


async def test_the_last_known_kinds_are_used_while_the_database_is_unavailable(
    router: JobRouter, workers: FakeWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await router.route([])
    workers.unavailable = True
    monkeypatch.setattr(routing, "REFRESH_INTERVAL_S", 0)
    new = make_dispatch("new")
    assert await router.route([new]) == {NEWER: [new]}


def test_a_fingerprint_depends_only_on_the_names() -> None:
    again = KindSet(frozenset(["new", "echo"]))
    assert again.fingerprint == NEWER.fingerprint != OLDER.fingerprint
    assert (len(NEWER.fingerprint), NEWER.fingerprint.isalnum()) == (16, True)
