"""Greetings whose jobs an admin retries, cancels or discards: never a second mail."""

from collections.abc import AsyncIterator
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
from jubilee.adapters.postgres.transaction import WriteContext, transactions, views
from jubilee.domain.greetings.greeting import GreetingRules, UnknownOutcomePolicy
from jubilee.domain.greetings.planning import GREETING
from jubilee.domain.greetings.sending import GreetingMail
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.store import AttemptFailure, JobReference, LeaseLost
from jubilee.domain.jobs.waiter import JobWaiter
from jubilee.domain.mail import MailService
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.tasks.task import TaskStatus
from jubilee.domain.users.user import User
from tests.domain.greeting_harness import PlainTemplates
from tests.fakes.store import FakeClock
from tests.system.greeting_world import Life, MortalMailer, World, state_of

MORNING = datetime(2026, 11, 20, 9, tzinfo=UTC)
ADMIN = Principal(UserId(new_id()), SessionId(new_id()), is_admin=True)
SPENT = """
    UPDATE jobs SET attempts = max_attempts, lease_until = now() - interval '1 second'
    WHERE status = 'running'
"""
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
    pool = ConnectionPool(database_url, size=4, timeout=10)
    yield pool
    await pool.close()


@pytest.fixture
async def world(pool: ConnectionPool) -> World:
    """One person, whose birthday it is."""
    world = World(pool, GreetingRules(), FakeClock(MORNING))
    await world.add(ZOE)
    return world


def tasks(world: World) -> TaskService:
    """What an admin has."""
    write_context = WriteContext(world.clock, new_id, lambda: None)
    write = transactions(world.pool, write_context)
    post = MailService(MortalMailer(world, Life()), PlainTemplates(), "example.com")
    return TaskService(
        write=write,
        read=views(world.pool, write_context),
        read_list=views(world.pool, write_context),
        kinds=JobKinds([GreetingMail(post, write, world.rules, world.clock)]),
        waiter=JobWaiter(PostgresLiveJobs(world.pool)),
        clock=world.clock,
        new_id=new_id,
        max_live_per_owner=10,
    )


async def execute(world: World, sql: str) -> None:
    async with world.pool.connection() as driver:
        await driver.execute(sql)


async def job_of(world: World) -> UUID:
    async with world.pool.connection() as driver:
        job: UUID = await driver.fetchval("SELECT id FROM jobs")
    return job


async def status_of(world: World) -> TaskStatus:
    return (await tasks(world).get(str(await job_of(world)), by=ADMIN)).status


async def sent_and_dead(world: World) -> UUID:
    """Its worker died with the mail server's answer, for the last time."""
    world.deadly_messages = 1
    assert not await world.work(Life())
    await execute(world, SPENT)
    await PostgresDueJobs(world.pool).expire_leases(limit=9)
    assert await status_of(world) is TaskStatus.DEAD
    assert (len(world.sent), state_of(await world.rows())) == (1, {ZOE.id: "sending"})
    return await job_of(world)


async def planned_and_dead(world: World) -> UUID:
    """No attempt has reached the mail server."""
    await world.work(Life(left=12))  # planned, and dead before a message
    assert state_of(await world.rows()) == {ZOE.id: "planned"}
    await execute(world, SPENT)
    await PostgresDueJobs(world.pool).expire_leases(limit=9)
    await execute(world, DIE)
    return await job_of(world)


async def test_a_dead_one_that_may_have_been_sent_is_not_sent_again(world: World) -> None:
    job = await sent_and_dead(world)
    await tasks(world).retry(str(job), by=ADMIN)
    assert await world.work(Life())
    assert await status_of(world) is TaskStatus.SUCCEEDED
    assert (len(world.sent), state_of(await world.rows())) == (1, {ZOE.id: "uncertain"})


async def test_where_the_rules_say_resend_it_goes_out_under_the_same_message_id(
    world: World,
) -> None:
    world.rules = replace(world.rules, on_unknown=UnknownOutcomePolicy.RESEND)
    job = await sent_and_dead(world)
    await tasks(world).retry(str(job), by=ADMIN)
    assert await world.work(Life())
    assert len({sent.message.message_id for sent in world.sent}) == 1


async def test_a_dead_one_that_was_not_sent_is_sent_once(world: World) -> None:
    job = await planned_and_dead(world)
    await tasks(world).retry(str(job), by=ADMIN)
    for _ in range(2):
        assert await world.work(Life())
    assert (len(world.sent), state_of(await world.rows())) == (1, {ZOE.id: "sent"})


async def held_and_dead(world: World, claims: PostgresJobStore) -> JobReference:
    """A worker still runs it, though its lease has ended for the last time."""
    job = await planned_and_dead(world)
    await tasks(world).retry(str(job), by=ADMIN)
    async with world.pool.connection() as driver:
        epoch = await driver.fetchval("SELECT epoch FROM jobs")
    held = await claims.claim(JobReference(job, epoch))
    assert held is not None
    await execute(world, SPENT)
    await PostgresDueJobs(world.pool).expire_leases(limit=9)
    return held.reference


async def test_what_an_earlier_run_still_holds_is_fenced_off_after_a_retry(world: World) -> None:
    claims = PostgresJobStore(world.pool, worker_id=new_id(), lease=30.0, kinds=[GREETING])
    early = await held_and_dead(world, claims)
    await tasks(world).retry(str(early.id), by=ADMIN)
    late = await claims.claim(early)
    assert late is not None
    assert late.epoch == early.epoch + 1
    finish = PostgresCompletion(
        transactions(world.pool, WriteContext(world.clock, new_id, lambda: None))
    )
    with pytest.raises(LeaseLost):
        async with finish(early, {}):
            pass
    assert not await claims.fail(early, AttemptFailure(error={}, retry_in=None))
    assert await status_of(world) is TaskStatus.RUNNING


@pytest.mark.parametrize("act", ["cancel", "discard"])
async def test_one_that_is_not_wanted_is_skipped_and_never_sent(world: World, act: str) -> None:
    job = await planned_and_dead(world)
    if act == "cancel":
        await tasks(world).retry(str(job), by=ADMIN)
        await tasks(world).stop(str(job), by=ADMIN)
    else:
        await tasks(world).discard(str(job), by=ADMIN)
    assert await world.work(Life())
    [row] = await world.rows()
    assert (row["state"], row["reason"], world.sent) == ("skipped", "unwanted", [])


async def test_one_that_is_stopped_while_it_is_sent_ends_uncertain_once_it_is_discarded(
    world: World,
) -> None:
    world.deadly_messages = 1
    assert not await world.work(Life())
    job = str(await job_of(world))
    assert (await tasks(world).stop(job, by=ADMIN)).cancel_requested
    await execute(world, SPENT)
    await PostgresDueJobs(world.pool).expire_leases(limit=9)
    assert await status_of(world) is TaskStatus.CANCELLED
    await tasks(world).discard(job, by=ADMIN)
    assert await world.work(Life())
    assert (len(world.sent), state_of(await world.rows())) == (1, {ZOE.id: "uncertain"})


async def test_discarding_one_that_may_have_been_sent_leaves_it_uncertain(world: World) -> None:
    job = await sent_and_dead(world)
    await tasks(world).cancel(str(job), by=ADMIN)
    assert await world.work(Life())
    assert (len(world.sent), state_of(await world.rows())) == (1, {ZOE.id: "uncertain"})


async def test_discarding_the_job_of_one_that_was_sent_changes_nothing(world: World) -> None:
    assert await world.work(Life())
    await tasks(world).discard(str(await job_of(world)), by=ADMIN)
    assert state_of(await world.rows()) == {ZOE.id: "sent"}
