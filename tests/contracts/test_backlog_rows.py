"""Every figure of the backlog, with rows inside and just outside its bounds."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest
from opentelemetry.sdk.resources import Resource

from jubilee.adapters.postgres.jobs.backlog import MAX_COUNTED, PostgresBacklog, _extrapolate
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.jobs import JobTelemetry
from jubilee.adapters.telemetry.logs import unwritten
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.domain.jobs.backlog import Backlog, WorkerInfo
from jubilee.domain.jobs.kinds import KindSet
from tests.contracts.accounts import MANY_USERS, ONE_USER

JOB = """
    INSERT INTO jobs (id, kind, lane, data, priority, status, attempts, max_attempts, epoch,
        run_at, lease_until, created_at, finished_at)
    VALUES (gen_random_uuid(), 'echo', $1, '{}', 5, $2, 0, 10, 0,
        now() + $3 * interval '1 second', now() + $4 * interval '1 second', now(),
        CASE WHEN $2 IN ('dead', 'succeeded') THEN now() END)
"""
MANY = """
    INSERT INTO jobs (id, kind, lane, data, priority, status, attempts, max_attempts, epoch,
        run_at, created_at)
    SELECT gen_random_uuid(), $3, $1, '{}', 5, 'queued', 0, 10, 0, now(), now()
    FROM generate_series(1, CAST($2 AS integer))
"""
EVENT = """
    INSERT INTO events (id, kind, data, occurred_at, published_at)
    VALUES (CAST($1 AS uuid), 'user.created', '{}', now() - $2 * interval '1 second',
        CASE WHEN $3 THEN now() END)
"""
GREETING = """
    INSERT INTO greetings (user_id, year, state, reason, due_on, due_at, created_at)
    SELECT id, $2, $3, CASE WHEN $3 = 'skipped' THEN 'late' END,
        current_date + CAST($4 AS integer), now() + $5 * interval '1 hour', now()
    FROM users WHERE id = $1
"""
MANY_GREETINGS = """
    INSERT INTO greetings (user_id, year, state, due_on, due_at, created_at)
    SELECT id, 2026, 'sent', current_date, now(), now() FROM users
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """Insert rows, and read the backlog."""

    pool: ConnectionPool

    async def add(self, statement: str, *values: object) -> None:
        async with self.pool.connection() as driver:
            await driver.execute(statement, *values)

    async def read(self) -> Backlog:
        return await PostgresBacklog(self.pool)()


@pytest.fixture
def rows(pool: ConnectionPool) -> Rows:
    return Rows(pool)


async def test_jobs_are_counted_by_queue_and_status(rows: Rows) -> None:
    statuses = {"queued": 1, "running": 2, "dead": 3, "succeeded": 4}
    for lane, factor in (("user", 1), ("system", 2)):
        for status, count in statuses.items():
            for _ in range(count * factor):
                await rows.add(JOB, lane, status, 60, None)
    counted = (await rows.read()).jobs
    assert counted == {
        (lane, status): statuses[status] * factor
        for lane, factor in (("user", 1), ("system", 2))
        for status in ("queued", "running", "dead")
    }


async def test_a_long_queue_is_counted_to_a_limit_and_estimated_beyond_it(rows: Rows) -> None:
    await rows.add(MANY, "user", 12_000, "echo")
    await rows.add(MANY, "system", 3, "echo")
    assert (await rows.read()).jobs["user", "queued"] >= 10_000
    await rows.add("ANALYZE jobs")
    counted = (await rows.read()).jobs
    assert (counted["user", "queued"], counted["system", "queued"]) == (12_000, 3)


def test_an_estimate_is_shared_by_the_queues_that_were_not_counted_to_their_ends() -> None:
    counts = {("a", "queued"): MAX_COUNTED, ("b", "queued"): MAX_COUNTED, ("c", "queued"): 100}
    _extrapolate(counts, "queued", 50_100)
    assert list(counts.values()) == [25_000, 25_000, 100]
    _extrapolate(counts := {("a", "dead"): MAX_COUNTED}, "dead", 7)
    assert counts == {("a", "dead"): MAX_COUNTED}


async def test_jobs_without_a_worker_are_counted_to_a_limit_for_each_kind(rows: Rows) -> None:
    await rows.add(MANY, "user", 1_200, "sms.send")
    await rows.add(MANY, "user", 2, "fax.send")
    assert (await rows.read()).without_worker == {"sms.send": 1_000, "fax.send": 2}


async def test_the_age_of_the_oldest_due_job_of_each_queue_is_read(rows: Rows) -> None:
    for lane, status, due in (
        ("user", "queued", -100),
        ("user", "queued", -200),
        ("user", "running", -900),
        ("system", "queued", 500),
        ("system", "queued", -5),
    ):
        await rows.add(JOB, lane, status, due, None)
    oldest = (await rows.read()).oldest_due
    assert oldest == {"user": pytest.approx(200, abs=30), "system": pytest.approx(5, abs=30)}


async def test_expired_leases_are_counted(rows: Rows) -> None:
    for status, lease in (("running", -1), ("running", -99), ("running", 60), ("queued", None)):
        await rows.add(JOB, "user", status, 0, lease)
    assert (await rows.read()).overdue == 2


async def test_the_age_of_the_oldest_unpublished_event_is_read(rows: Rows) -> None:
    for number, (age, published) in enumerate(((900, True), (300, False), (100, False))):
        await rows.add(EVENT, f"019aa0c1-7d4e-7c35-9d0f-00000000000{number}", age, published)
    assert (await rows.read()).oldest_event == pytest.approx(300, abs=30)


async def add_greeting(rows: Rows, state: str, days: int, hours: float, year: int = 2026) -> None:
    """Insert a greeting of a new account, due the given days and hours from now."""
    user_id = uuid4()
    await rows.add(ONE_USER, user_id, f"{user_id}@example.com")
    await rows.add(GREETING, user_id, year, state, days, hours)


async def test_greetings_more_than_an_hour_late_are_missing(rows: Rows) -> None:
    for state, days, hours in (
        ("planned", 0, -1.1),
        ("sending", -3, -72),
        ("planned", 1, -1.1),
    ):
        await add_greeting(rows, state, days, hours)
    for state, days, hours in (
        ("planned", 0, -0.9),
        ("sent", 0, -5),
        ("uncertain", 0, -5),
        ("skipped", 0, -5),
        ("planned", -4, -96),
        ("planned", 2, -1.1),
    ):
        await add_greeting(rows, state, days, hours)
    assert (await rows.read()).greetings_missing == 3


async def test_greetings_of_this_year_are_counted_by_state(rows: Rows) -> None:
    counts = {"planned": 1, "sending": 2, "sent": 3, "uncertain": 4, "skipped": 5}
    for state, count in counts.items():
        for _ in range(count):
            await add_greeting(rows, state, 0, 0)
        for days in (-400, 400):
            await add_greeting(rows, state, days, 0)
    assert (await rows.read()).greetings == counts


async def test_many_greetings_are_counted_to_a_limit_and_estimated_beyond_it(rows: Rows) -> None:
    await rows.add(MANY_USERS, 12_000)
    await rows.add(MANY_GREETINGS)
    await rows.add("ANALYZE greetings")
    found = await rows.read()
    assert found.greetings["sent"] == pytest.approx(12_000, rel=0.05)
    assert found.greetings["planned"] == 0
    await rows.add("UPDATE greetings SET state = 'planned', due_at = due_at - interval '2 hours'")
    assert (await rows.read()).greetings_missing == 10_000


async def test_the_planners_progress_is_read(rows: Rows) -> None:
    await rows.add("UPDATE counters SET value = 1234567 WHERE name = 'greetings_planned_until'")
    assert (await rows.read()).greetings_planned_until == 1_234_567.0


async def test_workers_silent_for_a_day_are_deleted(rows: Rows) -> None:
    registry, hours = PostgresBacklog(rows.pool), {uuid4(): 23, uuid4(): 25}
    for worker_id in hours:
        await registry.heartbeat(
            WorkerInfo(id=worker_id, host="h", version="1", kinds=KindSet(frozenset()))
        )
    for worker_id, age in hours.items():
        age_worker = "UPDATE workers SET heard_at = now() - $2 * interval '1 hour' WHERE id = $1"
        await rows.add(age_worker, worker_id, age)
    alive = uuid4()
    await registry.heartbeat(
        WorkerInfo(id=alive, host="h", version="1", kinds=KindSet(frozenset()))
    )
    async with rows.pool.connection() as driver:
        remaining = {row["id"] for row in await driver.fetch("SELECT id FROM workers")}
    assert remaining == {alive, next(iter(hours))}


@pytest.fixture
def gauge() -> Callable[..., float | None]:
    """Read a sample of the metrics, after a backlog whose figures all differ."""
    instruments = Instruments("1")
    JobTelemetry(instruments, Tracing(Resource({})), unwritten).record_backlog(
        Backlog(
            jobs={("user", "queued"): 2, ("system", "dead"): 3},
            oldest_due={"user": 5.0, "system": 7.0},
            overdue=11,
            oldest_event=13.0,
            greetings={"planned": 17, "uncertain": 19},
            greetings_missing=23,
            greetings_planned_until=29.0,
            workers=31,
            workers_silent=41,
            without_worker={"sms.send": 37},
        )
    )
    return instruments.registry.get_sample_value


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("jobs_state", {"lane": "user", "status": "queued"}, 2),
        ("jobs_state", {"lane": "system", "status": "dead"}, 3),
        ("jobs_oldest_due_age_seconds", {"lane": "user"}, 5),
        ("jobs_oldest_due_age_seconds", {"lane": "system"}, 7),
        ("jobs_leases_overdue", {}, 11),
        ("events_oldest_unpublished_seconds", {}, 13),
        ("greetings_state", {"state": "planned"}, 17),
        ("greetings_state", {"state": "uncertain"}, 19),
        ("greetings_missing", {}, 23),
        ("greetings_planned_until_timestamp_seconds", {}, 29),
        ("workers_alive", {}, 31),
        ("workers_silent", {}, 41),
        ("jobs_without_worker", {"kind": "sms.send"}, 37),
    ],
)
def test_each_figure_is_exposed_by_its_gauge(
    gauge: Callable[..., float | None], name: str, labels: dict[str, str], value: float
) -> None:
    assert gauge(name, labels) == value
