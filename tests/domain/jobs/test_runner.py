"""Running a job, over the fakes: the row records the outcome and nothing is raised."""

import asyncio
from math import inf
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.jobs.kinds import (
    Completion,
    JobContext,
    JobError,
    JobKinds,
    PermanentFailure,
)
from jubilee.domain.jobs.retries import backoff
from jubilee.domain.jobs.runner import Outcome
from jubilee.domain.jobs.store import JobReference
from tests.domain.jobs.job_harness import (
    EFFECT,
    JobHarness,
    ScriptedKind,
    failing,
    return_at_once,
    run_forever,
)


@pytest.fixture
def harness() -> JobHarness:
    return JobHarness()


async def test_a_kind_is_given_its_context_and_its_result_is_stored(harness: JobHarness) -> None:
    job, contexts = harness.add(data={"n": 7}), []

    async def body(context: JobContext[Any], complete: Completion[Any]) -> None:
        contexts.append(
            (context.id, context.epoch, context.attempt, context.payload, context.by_admin)
        )
        await context.report({"percent": 50})
        async with complete({"ok": True}) as tx:
            await tx.jobs.add(EFFECT)

    assert await harness.run(body, job) is Outcome.SUCCEEDED
    assert contexts == [(job.id, 1, 1, 7, True)]
    assert (job.status, job.result, job.progress) == ("succeeded", {"ok": True}, {"percent": 50})
    assert EFFECT.id in harness.table.rows


async def test_a_kind_that_returns_without_completing_has_succeeded(harness: JobHarness) -> None:
    job = harness.add()
    assert await harness.run(return_at_once, job) is Outcome.SUCCEEDED
    assert (job.status, job.result) == ("succeeded", None)


async def test_a_stale_dispatch_runs_nothing(harness: JobHarness) -> None:
    for reference in (JobReference(harness.add().id, 3), JobReference(new_id(), 0)):
        assert await harness.runner(failing(AssertionError())).run(reference) is Outcome.STALE


async def test_concurrent_dispatches_of_a_job_run_it_once(harness: JobHarness) -> None:
    job, runs = harness.add(), []

    async def body(context: JobContext[Any], _: Completion[Any]) -> None:
        runs.append(context.epoch)
        await asyncio.sleep(0.01)

    runner = harness.runner(body)
    outcomes = await asyncio.gather(*(runner.run(job.reference) for _ in range(20)))
    assert runs == [1]
    assert sorted(outcome.value for outcome in outcomes) == ["stale"] * 19 + ["succeeded"]


async def test_a_failed_job_is_retried_with_growing_delays_until_it_is_dead(
    harness: JobHarness,
) -> None:
    job, delays = harness.add(), []
    for _ in range(9):
        assert await harness.run(failing(OSError("no route")), job) is Outcome.RETRIED
        delays.append(job.run_at - harness.table.now)
        harness.table.now = job.run_at
    assert delays == [1, 16, 81, 256, 625, 1296, 2401, 3600, 3600]
    assert (job.status, job.attempts) == ("queued", 9)
    assert job.error == {"code": "OSError", "message": "no route"}
    assert await harness.run(failing(OSError("no route")), job) is Outcome.DEAD
    assert (job.status, job.finished_at) == ("dead", harness.table.now)


@pytest.mark.parametrize(
    ("asked", "waits"),
    [(None, 1), (0, 1), (-5, 1), (0.5, 1), (90, 90), (3600, 3600), (7200, 3600), (inf, 3600)],
)
async def test_an_error_may_request_a_longer_delay_up_to_an_hour(
    harness: JobHarness, asked: float | None, waits: float
) -> None:
    job = harness.add()
    assert await harness.run(failing(JobError("later", retry_in=asked)), job) is Outcome.RETRIED
    assert job.run_at - harness.table.now == waits


async def test_a_permanent_failure_ignores_the_requested_delay(harness: JobHarness) -> None:
    job = harness.add()
    assert await harness.run(failing(PermanentFailure("no", retry_in=90)), job) is Outcome.DEAD


def test_delays_have_a_jitter_of_ten_percent() -> None:
    assert [backoff(2, chance) for chance in (0, 0.5, 1)] == pytest.approx([14.4, 16, 17.6])
    assert backoff(1000, 1) == pytest.approx(3960)


async def test_a_permanent_failure_makes_the_job_dead(harness: JobHarness) -> None:
    job = harness.add()
    assert await harness.run(failing(PermanentFailure("no such address")), job) is Outcome.DEAD
    assert (job.status, job.attempts) == ("dead", 1)
    assert job.error == {"code": "given_up", "message": "no such address"}


async def test_an_error_message_is_truncated(harness: JobHarness) -> None:
    job = harness.add()
    await harness.run(failing(ValueError("x" * 100_000)), job)
    assert job.error == {"code": "ValueError", "message": "x" * 2000}


async def test_a_result_that_is_not_json_fails_the_attempt(harness: JobHarness) -> None:
    job = harness.add()

    async def body(_: JobContext[Any], complete: Completion[Any]) -> None:
        async with complete({"no": object()}):
            pass

    assert await harness.run(body, job) is Outcome.RETRIED
    assert job.error is not None
    assert job.error["code"] == "TypeError"


@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExit(1)])
async def test_an_exit_raised_by_a_kind_fails_its_attempt_alone(
    harness: JobHarness, error: BaseException
) -> None:
    job = harness.add()
    assert await harness.run(failing(error), job) is Outcome.RETRIED
    assert job.error is not None
    assert job.error["code"] == "ended_abruptly"


async def test_a_job_of_an_unknown_kind_stays_queued(harness: JobHarness) -> None:
    job = harness.add(kind="unknown.kind")
    assert await harness.run(return_at_once, job) is Outcome.STALE
    assert (job.status, job.attempts, job.epoch, job.run_at) == ("queued", 0, 0, 0)


async def test_the_callback_is_called_between_the_claim_and_the_run(harness: JobHarness) -> None:
    job, calls = harness.add(), []

    async def body(_: JobContext[Any], __: Completion[Any]) -> None:
        calls.append("run")

    runner = harness.runner(body)
    await runner.run(job.reference, lambda: calls.append("claim"))
    await runner.run(JobReference(new_id(), 0), lambda: calls.append("stale"))
    assert calls == ["claim", "run"]


@pytest.mark.parametrize("data", [{"bad": 1}, {"no n": 1}, None])
async def test_an_unreadable_payload_is_retried_and_then_dead(
    harness: JobHarness, data: dict[str, object] | None
) -> None:
    job = harness.add(data=data, max_attempts=2)
    assert await harness.run(return_at_once, job) is Outcome.RETRIED
    harness.table.now = job.run_at
    assert await harness.run(return_at_once, job) is Outcome.DEAD


async def test_a_job_that_exceeds_its_timeout_is_retried(harness: JobHarness) -> None:
    job = harness.add()
    assert await harness.run(run_forever, job, timeout=0.05) is Outcome.RETRIED
    assert (job.status, job.attempts) == ("queued", 1)
    assert job.error == {"code": "timed_out", "message": "The attempt took too long."}


async def test_the_workers_limit_shortens_a_kinds_timeout(harness: JobHarness) -> None:
    job = harness.add()
    kinds = JobKinds([ScriptedKind(run_forever, timeout=60)], max_timeout=0.05)
    assert await harness.runner_of(kinds).run(job.reference) is Outcome.RETRIED
    assert job.error == {"code": "timed_out", "message": "The attempt took too long."}
