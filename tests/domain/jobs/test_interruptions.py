"""Jobs that are interrupted, and a database that fails while they run."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs import runner as module
from jubilee.domain.jobs.kinds import Completion, JobContext, JobKinds, PermanentFailure
from jubilee.domain.jobs.runner import Outcome
from jubilee.domain.jobs.store import JobReference, LeaseLost
from tests.domain.jobs.job_harness import (
    CLOSED,
    EFFECT,
    JobHarness,
    ScriptedKind,
    failing,
    ignore_cancellation,
    return_at_once,
    run_forever,
)


@pytest.fixture
def harness() -> JobHarness:
    return JobHarness()


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CANCEL_GRACE_S", 0.5)


@pytest.mark.timing(waits=True)
@pytest.mark.parametrize("cause", ["timeout", "cancel", "drain", "lost"])
async def test_a_job_that_ignores_its_interruption_changes_nothing(
    harness: JobHarness, cause: str
) -> None:
    job = harness.add(max_attempts=1)
    run = asyncio.create_task(
        harness.run(ignore_cancellation, job, timeout=0.05 if cause == "timeout" else 60)
    )
    await asyncio.sleep(0.02)
    if cause == "drain":
        harness.lease_keeper.drain()
    job.cancel_requested = cause == "cancel"
    job.epoch += cause == "lost"
    await harness.lease_keeper.heartbeat()
    expected = {
        "timeout": Outcome.DEAD,
        "cancel": Outcome.CANCELLED,
        "drain": Outcome.RELEASED,
        "lost": Outcome.LOST,
    }
    async with asyncio.timeout(1.8):
        assert await run is expected[cause]
    status = job.status
    await asyncio.sleep(2)
    assert (job.status, job.result) == (status, None)
    assert EFFECT.id not in harness.table.rows


async def test_a_job_whose_lease_is_lost_is_left_to_the_new_owner(harness: JobHarness) -> None:
    job = harness.add()
    run = asyncio.create_task(harness.run(run_forever, job))
    await asyncio.sleep(0.01)
    job.epoch += 1
    await harness.lease_keeper.heartbeat()
    assert await run is Outcome.LOST
    assert (job.status, job.attempts) == ("running", 1)


async def test_a_cancelled_job_ends_cancelled(harness: JobHarness) -> None:
    job = harness.add()
    run = asyncio.create_task(harness.run(run_forever, job))
    await asyncio.sleep(0.01)
    job.cancel_requested = True
    await harness.lease_keeper.heartbeat()
    assert await run is Outcome.CANCELLED
    assert (job.status, job.finished_at) == ("cancelled", 0)


async def test_a_cancelled_job_ends_the_rows_of_its_kind_with_itself(harness: JobHarness) -> None:
    job = harness.add()
    run = asyncio.create_task(harness.run(run_forever, job))
    await asyncio.sleep(0.01)
    assert CLOSED not in harness.table.rows
    job.cancel_requested = True
    await harness.lease_keeper.heartbeat()
    assert await run is Outcome.CANCELLED
    assert harness.table.rows[CLOSED].data == job.data


async def test_a_failed_attempt_of_a_cancelled_job_ends_the_rows_of_its_kind(
    harness: JobHarness,
) -> None:
    job = harness.add()

    async def body(_: JobContext[Any], __: Completion[Any]) -> None:
        job.cancel_requested = True
        raise OSError("refused")

    assert await harness.run(body, job) is Outcome.CANCELLED
    assert (job.status, job.attempts, job.finished_at) == ("cancelled", 1, 0)
    assert job.error == {"code": "OSError", "message": "refused"}
    assert harness.table.rows[CLOSED].data == job.data


async def test_the_last_failure_of_a_cancelled_job_is_dead_and_can_be_retried(
    harness: JobHarness,
) -> None:
    job = harness.add(cancel_requested=True, max_attempts=1)
    assert await harness.run(failing(OSError()), job) is Outcome.DEAD
    assert (job.status, CLOSED in harness.table.rows) == ("dead", False)


async def test_a_drained_job_that_was_cancelled_ends_the_rows_of_its_kind(
    harness: JobHarness,
) -> None:
    job = harness.add()
    run = asyncio.create_task(harness.run(run_forever, job))
    await asyncio.sleep(0.01)
    job.cancel_requested = True
    harness.lease_keeper.drain()
    assert await run is Outcome.CANCELLED
    assert (job.status, job.finished_at, job.error) == ("cancelled", 0, None)
    assert harness.table.rows[CLOSED].data == job.data


async def test_a_job_that_was_claimed_anew_is_not_cancelled(harness: JobHarness) -> None:
    job = harness.add()
    run = asyncio.create_task(harness.run(ignore_cancellation, job))
    await asyncio.sleep(0.01)
    job.cancel_requested = True
    await harness.lease_keeper.heartbeat()
    job.epoch += 1
    assert await run is Outcome.LOST
    assert (job.status, CLOSED in harness.table.rows) == ("running", False)


async def test_a_drained_job_is_queued_again_without_counting_the_attempt(
    harness: JobHarness,
) -> None:
    job = harness.add()
    run = asyncio.create_task(harness.run(run_forever, job))
    await asyncio.sleep(0.01)
    harness.lease_keeper.drain()
    assert await run is Outcome.RELEASED
    assert (job.status, job.attempts, job.run_at) == ("queued", 0, 0)


async def test_an_error_raised_while_draining_does_not_count_as_an_attempt(
    harness: JobHarness,
) -> None:
    job = harness.add()

    async def body(_: JobContext[Any], __: Completion[Any]) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("closed")

    run = asyncio.create_task(harness.run(body, job))
    await asyncio.sleep(0.01)
    harness.lease_keeper.drain()
    assert await run is Outcome.RELEASED
    assert (job.status, job.attempts, job.error) == ("queued", 0, None)


async def test_a_runner_that_is_cancelled_releases_its_job(harness: JobHarness) -> None:
    job = harness.add()
    run = asyncio.create_task(harness.run(run_forever, job))
    await asyncio.sleep(0.01)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (job.status, job.attempts) == ("queued", 0)


async def test_a_completed_job_stays_succeeded_when_its_task_is_stopped(
    harness: JobHarness,
) -> None:
    job = harness.add()

    async def body(_: JobContext[Any], complete: Completion[Any]) -> None:
        async with complete({"ok": True}):
            pass
        await asyncio.sleep(60)

    run = asyncio.create_task(harness.run(body, job))
    await asyncio.sleep(0.01)
    await harness.lease_keeper.heartbeat()
    assert await run is Outcome.SUCCEEDED
    assert (job.status, job.result) == ("succeeded", {"ok": True})


async def test_an_error_after_the_completion_is_ignored(harness: JobHarness) -> None:
    job = harness.add()

    async def body(_: JobContext[Any], complete: Completion[Any]) -> None:
        async with complete():
            pass
        raise OSError

    assert await harness.run(body, job) is Outcome.SUCCEEDED
    assert "fail" not in harness.store.calls


async def test_an_error_inside_the_completion_is_a_failed_attempt(harness: JobHarness) -> None:
    job = harness.add()

    async def body(_: JobContext[Any], complete: Completion[Any]) -> None:
        async with complete() as tx:
            await tx.jobs.add(EFFECT)
            raise ValueError("inside the completion")

    assert await harness.run(body, job) is Outcome.RETRIED
    assert (job.status, EFFECT.id in harness.table.rows) == ("queued", False)


async def test_a_kind_that_suppresses_the_lost_lease_changes_nothing(harness: JobHarness) -> None:
    job = harness.add()

    async def body(_: JobContext[Any], complete: Completion[Any]) -> None:
        job.epoch += 1
        with suppress(LeaseLost):
            async with complete():
                pass

    assert await harness.run(body, job) is Outcome.LOST
    assert job.status == "running"


async def test_a_job_is_not_claimed_while_the_database_is_unavailable(harness: JobHarness) -> None:
    job = harness.add()
    harness.table.away = True
    assert await harness.run(return_at_once, job) is Outcome.UNCLAIMED
    assert job.attempts == 0


@pytest.mark.parametrize("error", [None, OSError(), PermanentFailure()])
async def test_a_job_that_ends_during_an_outage_is_left_to_the_sweeper(
    harness: JobHarness, error: Exception | None
) -> None:
    job = harness.add()

    async def body(_: JobContext[Any], __: Completion[Any]) -> None:
        harness.table.away = True
        if error is not None:
            raise error

    assert await harness.run(body, job) is Outcome.UNKNOWN
    assert (job.status, job.attempts) == ("running", 1)


async def test_draining_does_not_wait_for_an_unavailable_database(harness: JobHarness) -> None:
    job = harness.add()
    run = asyncio.create_task(harness.run(run_forever, job))
    await asyncio.sleep(0.01)
    harness.table.away = True
    harness.lease_keeper.drain()
    assert await run is Outcome.UNKNOWN
    assert job.status == "running"


async def test_a_completion_whose_reply_is_lost_has_succeeded(harness: JobHarness) -> None:
    job, runs = harness.add(), []

    async def body(context: JobContext[Any], complete: Completion[Any]) -> None:
        runs.append(context.epoch)
        async with complete({"ok": True}) as tx:
            await tx.jobs.add(EFFECT)

    harness.completion.reply_lost = True
    assert await harness.run(body, job) is Outcome.LOST
    assert await harness.runner(body).run(job.reference) is Outcome.STALE
    assert (job.status, job.error, runs) == ("succeeded", None, [1])
    assert EFFECT.id in harness.table.rows


async def test_a_completion_that_was_not_committed_is_retried(harness: JobHarness) -> None:
    job = harness.add()

    @asynccontextmanager
    async def refused(
        reference: JobReference, result: Mapping[str, object] | None
    ) -> AsyncIterator[Any]:
        yield None
        raise Unavailable

    runner = harness.runner_of(JobKinds([ScriptedKind(return_at_once)]), refused)
    assert await runner.run(job.reference) is Outcome.RETRIED
    assert job.error == {"code": "unavailable", "message": str(Unavailable())}
