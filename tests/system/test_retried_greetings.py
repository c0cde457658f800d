"""Greetings whose jobs an admin retries, cancels or discards: no second mail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.job_completion import PostgresCompletion
from jubilee.adapters.postgres.jobs.due_jobs import PostgresDueJobs
from jubilee.adapters.postgres.jobs.store import PostgresJobStore
from jubilee.adapters.postgres.jobs.tasks import PostgresLiveJobs
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.single_writes import single_writes
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.errors import Unavailable
from jubilee.domain.greetings.greeting import GreetingRules, UnknownOutcomePolicy
from jubilee.domain.greetings.planning import GREETING
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.lease_keeper import LeaseKeeper
from jubilee.domain.jobs.store import AttemptFailure, JobReference, LeaseLost
from jubilee.domain.jobs.waiter import JobWaiter
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.tasks.task import TaskStatus
from jubilee.domain.users.user import User
from tests.fakes.store import FakeClock
from tests.system.greeting_world import GreetingSimulation, Lifetime, state_of

MORNING = datetime(2026, 11, 20, 9, tzinfo=UTC)
ADMIN = Principal(UserId(new_id()), SessionId(new_id()), is_admin=True)
SPENT = """
    UPDATE jobs SET attempts = max_attempts, lease_until = now() - interval '1 second'
    WHERE status = 'running'
"""
EXPIRED = "UPDATE jobs SET lease_until = now() - interval '1 second' WHERE status = 'running'"
DIE = "UPDATE jobs SET status = 'dead', finished_at = now() WHERE status = 'queued'"
ZOE = User(
    id=UserId(new_id()),
    email="zoe@example.com",
    date_of_birth=date(1990, 11, 20),
    created_at=MORNING,
    updated_at=MORNING,
)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[ConnectionPool]:
    pool = ConnectionPool(database_url, size=4, timeout=60)
    yield pool
    await pool.close()


@pytest.fixture
async def simulation(pool: ConnectionPool) -> GreetingSimulation:
    """A simulation with one person whose birthday is today."""
    simulation = GreetingSimulation(pool, GreetingRules(), FakeClock(MORNING))
    await simulation.add(ZOE)
    return simulation


def tasks(simulation: GreetingSimulation) -> TaskService:
    """The use cases of tasks for an admin."""
    write_context = WriteContext(simulation.clock, new_id, lambda: None)
    write = transactions(simulation.pool, write_context)
    return TaskService(
        write=write,
        write_one=single_writes(simulation.pool, write_context),
        read=views(simulation.pool, write_context),
        read_list=views(simulation.pool, write_context),
        kinds=JobKinds([simulation.kind(write)]),
        waiter=JobWaiter(PostgresLiveJobs(simulation.pool)),
        clock=simulation.clock,
        new_id=new_id,
        max_live_per_owner=10,
    )


async def execute(simulation: GreetingSimulation, sql: str) -> None:
    async with simulation.pool.connection() as driver:
        await driver.execute(sql)


async def job_of(simulation: GreetingSimulation) -> UUID:
    async with simulation.pool.connection() as driver:
        job: UUID = await driver.fetchval("SELECT id FROM jobs")
    return job


async def status_of(simulation: GreetingSimulation) -> TaskStatus:
    return (await tasks(simulation).get(str(await job_of(simulation)), by=ADMIN)).status


async def sent_and_dead(simulation: GreetingSimulation) -> UUID:
    """Kill the job after its last message was sent, and return its id."""
    simulation.deadly_messages = 1
    assert not await simulation.work(Lifetime())
    await execute(simulation, SPENT)
    await PostgresDueJobs(simulation.pool).expire_leases(limit=9)
    assert await status_of(simulation) is TaskStatus.DEAD
    assert (len(simulation.sent), state_of(await simulation.rows())) == (1, {ZOE.id: "sending"})
    return await job_of(simulation)


async def planned_and_dead(simulation: GreetingSimulation) -> UUID:
    """Kill the job before any message was sent, and return its id."""
    await simulation.work(Lifetime(left=12))  # planned, and killed before a message
    assert state_of(await simulation.rows()) == {ZOE.id: "planned"}
    await execute(simulation, SPENT)
    await PostgresDueJobs(simulation.pool).expire_leases(limit=9)
    await execute(simulation, DIE)
    return await job_of(simulation)


async def test_retrying_a_greeting_that_may_have_been_sent_sends_nothing(
    simulation: GreetingSimulation,
) -> None:
    job = await sent_and_dead(simulation)
    await tasks(simulation).retry(str(job), by=ADMIN)
    assert await simulation.work(Lifetime())
    assert await status_of(simulation) is TaskStatus.SUCCEEDED
    assert (len(simulation.sent), state_of(await simulation.rows())) == (1, {ZOE.id: "uncertain"})


async def test_policy_resend_sends_a_retried_greeting_under_the_same_message_id(
    simulation: GreetingSimulation,
) -> None:
    simulation.rules = replace(simulation.rules, on_unknown=UnknownOutcomePolicy.RESEND)
    job = await sent_and_dead(simulation)
    await tasks(simulation).retry(str(job), by=ADMIN)
    assert await simulation.work(Lifetime())
    assert len({sent.message.message_id for sent in simulation.sent}) == 1


async def test_retrying_an_unsent_greeting_sends_it_once(simulation: GreetingSimulation) -> None:
    job = await planned_and_dead(simulation)
    await tasks(simulation).retry(str(job), by=ADMIN)
    for _ in range(2):
        assert await simulation.work(Lifetime())
    assert (len(simulation.sent), state_of(await simulation.rows())) == (1, {ZOE.id: "sent"})


async def held_and_dead(simulation: GreetingSimulation, claims: PostgresJobStore) -> JobReference:
    """Let a worker still run the job whose last lease has expired."""
    job = await planned_and_dead(simulation)
    await tasks(simulation).retry(str(job), by=ADMIN)
    async with simulation.pool.connection() as driver:
        epoch = await driver.fetchval("SELECT epoch FROM jobs")
    held = await claims.claim(JobReference(job, epoch))
    assert held is not None
    await execute(simulation, SPENT)
    await PostgresDueJobs(simulation.pool).expire_leases(limit=9)
    return held.reference


async def test_a_retry_fences_an_earlier_run_off(simulation: GreetingSimulation) -> None:
    claims = PostgresJobStore(simulation.pool, worker_id=new_id(), lease=30.0, kinds=[GREETING])
    early = await held_and_dead(simulation, claims)
    await tasks(simulation).retry(str(early.id), by=ADMIN)
    late = await claims.claim(early)
    assert late is not None
    assert late.epoch == early.epoch + 1
    finish = PostgresCompletion(
        simulation.pool, WriteContext(simulation.clock, new_id, lambda: None)
    )
    with pytest.raises(LeaseLost):
        async with finish(early, {}):
            pass
    assert not await claims.fail(early, AttemptFailure(error={}, retry_in=None))
    assert await status_of(simulation) is TaskStatus.RUNNING


@pytest.mark.parametrize("act", ["cancel", "discard"])
async def test_a_cancelled_or_discarded_greeting_is_skipped(
    simulation: GreetingSimulation, act: str
) -> None:
    job = await planned_and_dead(simulation)
    if act == "cancel":
        await tasks(simulation).retry(str(job), by=ADMIN)
        await tasks(simulation).stop(str(job), by=ADMIN)
    else:
        await tasks(simulation).discard(str(job), by=ADMIN)
    assert await simulation.work(Lifetime())
    [row] = await simulation.rows()
    assert (row["state"], row["reason"], simulation.sent) == ("skipped", "unwanted", [])


async def die_before_sending(simulation: GreetingSimulation) -> None:
    """Claim the job and do no more."""
    await simulation.plan()
    claims = PostgresJobStore(simulation.pool, worker_id=new_id(), lease=30.0, kinds=[GREETING])
    assert await claims.claim(JobReference(await job_of(simulation), 0)) is not None


async def die_after_sending(simulation: GreetingSimulation) -> None:
    simulation.deadly_messages = 1
    assert not await simulation.work(Lifetime())


@pytest.mark.parametrize(
    ("die", "state", "messages"),
    [(die_before_sending, "skipped", 0), (die_after_sending, "uncertain", 1)],
)
async def test_a_cancelled_greeting_of_a_dead_worker_ends_with_its_job(
    simulation: GreetingSimulation,
    die: Callable[[GreetingSimulation], Awaitable[None]],
    state: str,
    messages: int,
) -> None:
    await die(simulation)
    stopped = await tasks(simulation).stop(str(await job_of(simulation)), by=ADMIN)
    assert stopped.cancel_requested
    await execute(simulation, EXPIRED)
    await simulation.sweep()
    assert await status_of(simulation) is TaskStatus.CANCELLED
    assert await simulation.work(Lifetime())
    assert (state_of(await simulation.rows()), len(simulation.sent)) == ({ZOE.id: state}, messages)


@pytest.mark.parametrize(("drains", "state"), [(False, "skipped"), (True, "uncertain")])
async def test_a_cancelled_greeting_whose_attempt_fails_or_is_drained_ends_with_its_job(
    simulation: GreetingSimulation, drains: bool, state: str
) -> None:
    async def stop(keeper: LeaseKeeper) -> None:
        await tasks(simulation).stop(str(await job_of(simulation)), by=ADMIN)
        if not drains:
            raise Unavailable("busy")
        keeper.drain()
        await asyncio.sleep(60)

    simulation.before_send = stop
    assert await simulation.work(Lifetime())
    assert await status_of(simulation) is TaskStatus.CANCELLED
    assert (state_of(await simulation.rows()), simulation.sent) == ({ZOE.id: state}, [])


async def test_discarding_a_greeting_that_may_have_been_sent_leaves_it_uncertain(
    simulation: GreetingSimulation,
) -> None:
    job = await sent_and_dead(simulation)
    await tasks(simulation).cancel(str(job), by=ADMIN)
    assert await simulation.work(Lifetime())
    assert (len(simulation.sent), state_of(await simulation.rows())) == (1, {ZOE.id: "uncertain"})


async def test_discarding_the_job_of_a_sent_greeting_changes_nothing(
    simulation: GreetingSimulation,
) -> None:
    assert await simulation.work(Lifetime())
    await tasks(simulation).discard(str(await job_of(simulation)), by=ADMIN)
    assert state_of(await simulation.rows()) == {ZOE.id: "sent"}
