"""Which work a worker repeats at once, which at intervals, and what it reports."""

from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from uuid import UUID

import pytest

from jubilee.domain.audit.chain import Seal
from jubilee.domain.audit.upkeep import BATCH_SIZE as AUDIT_BATCH
from jubilee.domain.jobs.backlog import Backlog, WorkerInfo
from jubilee.domain.jobs.bounded_dispatch import BATCH_SIZE
from jubilee.domain.jobs.kinds import KindSet
from jubilee.domain.jobs.lease_keeper import LeaseKeeper
from jubilee.entrypoints.worker.periodic_tasks import (
    MAX_AUDIT_PAUSE_S,
    MAX_DISPATCH_INTERVAL_S,
    MAX_PAUSE_S,
    MAX_URGENT_PAUSE_S,
    PeriodicTask,
    audit_tasks,
    calendar_tasks,
    key_tasks,
    registry_tasks,
    relay_tasks,
)
from jubilee.observation.jobs import RelayObserver
from tests.entrypoints.test_status import BACKLOG
from tests.fakes.job_store import FakeJobStore
from tests.fakes.job_table import FakeJobTable
from tests.fakes.store import START

LEASE_S = 30.0
WORKER = WorkerInfo(id=UUID(int=1), host="a", version="1", kinds=KindSet(frozenset({"echo"})))


@dataclass
class Counts(RelayObserver):
    """Records what is reported."""

    dispatches: list[int] = field(default_factory=list)
    rescues: list[int] = field(default_factory=list)
    backlogs: list[Backlog] = field(default_factory=list)

    def dispatched(self, count: int) -> None:
        self.dispatches.append(count)

    def rescued(self, count: int) -> None:
        self.rescues.append(count)

    def record_backlog(self, backlog: Backlog) -> None:
        self.backlogs.append(backlog)


@dataclass
class Rounds:
    """A relay, a retention or a planner that handles `count` rows in each round."""

    count: int = 0

    async def dispatch(self) -> int:
        return self.count

    sweep = publish = prune = plan = dispatch

    async def seconds_to_next(self, longest: float) -> float:
        return longest / 2


@dataclass
class Registry:
    """Records the heartbeats; the backlog is always the same."""

    heartbeats: list[WorkerInfo] = field(default_factory=list)

    async def heartbeat(self, worker: WorkerInfo) -> None:
        self.heartbeats.append(worker)

    async def leave(self, worker_id: UUID) -> None: ...

    async def __call__(self) -> Backlog:
        return BACKLOG


def by_name(tasks: Any) -> dict[str, PeriodicTask]:
    return {task.name: task for task in tasks}


@pytest.fixture
def rounds() -> Rounds:
    return Rounds()


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def tasks(rounds: Rounds, counts: Counts) -> dict[str, PeriodicTask]:
    """All tasks of a worker that sends mail."""
    keeper = LeaseKeeper(FakeJobStore(FakeJobTable()), LEASE_S, monotonic)
    work: Any = rounds
    return by_name(
        (
            *relay_tasks(work, keeper, counts),
            *registry_tasks(Registry(), WORKER, counts),
            *calendar_tasks(work, work),
        )
    )


@pytest.mark.parametrize("name", ["dispatch", "sweep", "events"])
@pytest.mark.parametrize(("more", "is_more"), [(-1, False), (0, True), (1, True)])
async def test_a_full_batch_of_the_relay_is_followed_by_another(
    tasks: dict[str, PeriodicTask], rounds: Rounds, name: str, more: int, is_more: bool
) -> None:
    rounds.count = BATCH_SIZE + more
    assert await tasks[name].run() is is_more


@pytest.mark.parametrize("name", ["retention", "expired rows", "greetings"])
async def test_deleting_and_planning_go_on_until_nothing_is_left(
    tasks: dict[str, PeriodicTask], rounds: Rounds, name: str
) -> None:
    found = []
    for rounds.count in (0, 1, 2):
        found.append(await tasks[name].run())
    assert found == [False, True, True]


@pytest.mark.parametrize("name", ["leases", "worker registry", "backlog"])
async def test_heartbeats_and_measurements_are_not_repeated_at_once(
    tasks: dict[str, PeriodicTask], name: str
) -> None:
    assert await tasks[name].run() is False


async def test_the_relays_work_and_the_backlog_are_reported(
    tasks: dict[str, PeriodicTask], rounds: Rounds, counts: Counts
) -> None:
    rounds.count = 3
    for name in ("dispatch", "sweep", "backlog"):
        await tasks[name].run()
    assert (counts.dispatches, counts.rescues, counts.backlogs) == ([3], [3], [BACKLOG])


async def test_a_worker_registers_itself() -> None:
    registry = Registry()
    registration = by_name(registry_tasks(registry, WORKER, Counts()))["worker registry"]
    await registration.run()
    assert registry.heartbeats == [WORKER]


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("leases", LEASE_S / 3),
        ("sweep", LEASE_S / 6),
        ("events", 1),
        ("retention", 60),
        ("worker registry", 10),
        ("backlog", 15),
        ("expired rows", 60),
        ("greetings", 60),
    ],
)
async def test_intervals_differ_by_a_tenth_between_workers(
    tasks: dict[str, PeriodicTask], name: str, seconds: float
) -> None:
    pauses = [await tasks[name].pause() for _ in range(200)]
    assert seconds * 0.9 <= min(pauses) < seconds < max(pauses) <= seconds * 1.1


async def test_the_relay_waits_for_the_next_due_job(tasks: dict[str, PeriodicTask]) -> None:
    assert await tasks["dispatch"].pause() == MAX_DISPATCH_INTERVAL_S / 2


def test_work_that_delays_jobs_is_tried_again_sooner(tasks: dict[str, PeriodicTask]) -> None:
    urgent = {"leases", "dispatch", "sweep"}
    for name, task in tasks.items():
        assert task.max_pause_s == (MAX_URGENT_PAUSE_S if name in urgent else MAX_PAUSE_S)


def test_a_worker_without_mail_plans_no_greetings(rounds: Rounds) -> None:
    work: Any = rounds
    assert list(by_name(calendar_tasks(work, None))) == ["expired rows"]


async def test_secrets_are_sealed_anew_and_logged_only_while_there_is_a_previous_key(
    rounds: Rounds, caplog: pytest.LogCaptureFixture
) -> None:
    work: Any = rounds
    assert list(by_name(key_tasks(work, None))) == ["signing keys"]
    caplog.set_level("INFO")
    found = iter((2, 0))

    async def reseal() -> int:
        return next(found)

    renewal: Any = reseal
    task = by_name(key_tasks(work, renewal))["sealed secrets"]
    assert [await task.run(), await task.run()] == [False, False]
    lines = [(line.message, line.__dict__["count"]) for line in caplog.records]
    assert lines == [("secrets sealed anew", 2)]


@dataclass
class Upkeep:
    """An audit log whose next seal has `entries`, and of which so many seals are due to end."""

    entries: int | None = None
    erased: int = 0
    pruned: int = 0
    renewed: int = 0

    async def seal(self) -> Seal | None:
        return None if self.entries is None else Seal(7, START, self.entries, b"\x0f")

    async def renew(self) -> None:
        self.renewed += 1

    async def erase(self) -> int:
        return self.erased

    async def prune(self) -> int:
        return self.pruned


@pytest.mark.parametrize(
    ("entries", "is_more"), [(None, False), (AUDIT_BATCH - 1, False), (AUDIT_BATCH, True)]
)
async def test_a_full_seal_of_the_audit_log_is_followed_by_another(
    entries: int | None, is_more: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    upkeep: Any = Upkeep(entries)
    assert await by_name(audit_tasks(upkeep))["audit seal"].run() is is_more
    heads = [(line.__dict__["head"], line.__dict__["entries"]) for line in caplog.records]
    assert heads == ([] if entries is None else [("7:0f", entries)])


@pytest.mark.parametrize(("erased", "pruned"), [(0, 0), (0, 1), (1, 0), (1, 1)])
async def test_erasing_and_pruning_the_audit_log_go_on_until_nothing_is_left(
    erased: int, pruned: int
) -> None:
    upkeep: Any = Upkeep(erased=erased, pruned=pruned)
    assert await by_name(audit_tasks(upkeep))["audit retention"].run() is (erased + pruned > 0)
    assert upkeep.renewed == 1


def test_failing_tasks_of_the_audit_log_pause_longer() -> None:
    # They mostly fail for a wrong key, which stays wrong.
    upkeep: Any = Upkeep()
    assert {task.max_pause_s for task in audit_tasks(upkeep)} == {MAX_AUDIT_PAUSE_S}
