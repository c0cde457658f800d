"""Running a job, over the fakes: whatever happens, the row says so and nothing is raised."""

import asyncio
from math import inf
from typing import Any

import pytest

from jubilee.domain.jobs.kinds import (
    Completion,
    JobContext,
    JobError,
    JobKinds,
    PermanentFailure,
)
from jubilee.domain.jobs.retries import backoff
from jubilee.domain.jobs.runner import Outcome, Runner
from jubilee.domain.jobs.store import JobReference
from tests.domain.jobs.job_bench import EFFECT, Bench, ScriptedKind, failing, forever, nothing
from tests.fakes.store import fresh_id


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_kind_has_its_claim_and_its_result_is_kept(bench: Bench) -> None:
    job, seen = bench.add(data={"n": 7}), []

    async def body(claim: JobContext[Any], finish: Completion[Any]) -> None:
        seen.append((claim.id, claim.epoch, claim.attempt, claim.payload, claim.by_admin))
        await claim.report({"percent": 50})
        async with finish({"ok": True}) as tx:
            await tx.jobs.add(EFFECT)

    assert await bench.run(body, job) is Outcome.SUCCEEDED
    assert seen == [(job.id, 1, 1, 7, True)]
    assert (job.status, job.result, job.progress) == ("succeeded", {"ok": True}, {"percent": 50})
    assert EFFECT.id in bench.table.rows


async def test_a_kind_that_only_comes_back_has_succeeded(bench: Bench) -> None:
    job = bench.add()
    assert await bench.run(nothing, job) is Outcome.SUCCEEDED
    assert (job.status, job.result) == ("succeeded", None)


async def test_a_stale_dispatch_runs_nothing(bench: Bench) -> None:
    for reference in (JobReference(bench.add().id, 3), JobReference(fresh_id(), 0)):
        assert await bench.runner(failing(AssertionError())).run(reference) is Outcome.STALE


async def test_the_same_job_at_once_runs_once(bench: Bench) -> None:
    job, runs = bench.add(), []

    async def body(claim: JobContext[Any], _: Completion[Any]) -> None:
        runs.append(claim.epoch)
        await asyncio.sleep(0.01)

    runner = bench.runner(body)
    outcomes = await asyncio.gather(*(runner.run(job.reference) for _ in range(20)))
    assert runs == [1]
    assert sorted(outcome.value for outcome in outcomes) == ["stale"] * 19 + ["succeeded"]


async def test_a_failure_is_tried_again_ever_later(bench: Bench) -> None:
    job, waits = bench.add(), []
    for _ in range(9):
        assert await bench.run(failing(OSError("no route")), job) is Outcome.RETRIED
        waits.append(job.run_at - bench.table.now)
        bench.table.now = job.run_at
    assert waits == [1, 16, 81, 256, 625, 1296, 2401, 3600, 3600]
    assert (job.status, job.attempts) == ("queued", 9)
    assert job.error == {"code": "OSError", "message": "no route"}
    assert await bench.run(failing(OSError("no route")), job) is Outcome.DEAD
    assert (job.status, job.finished_at) == ("dead", bench.table.now)


@pytest.mark.parametrize(
    ("asked", "waits"),
    [(None, 1), (0, 1), (-5, 1), (0.5, 1), (90, 90), (3600, 3600), (7200, 3600), (inf, 3600)],
)
async def test_an_error_may_ask_for_a_longer_wait_but_not_for_more_than_an_hour(
    bench: Bench, asked: float | None, waits: float
) -> None:
    job = bench.add()
    assert await bench.run(failing(JobError("later", retry_in=asked)), job) is Outcome.RETRIED
    assert job.run_at - bench.table.now == waits


async def test_what_has_given_up_waits_for_nothing(bench: Bench) -> None:
    job = bench.add()
    assert await bench.run(failing(PermanentFailure("no", retry_in=90)), job) is Outcome.DEAD


def test_waits_are_spread_by_a_tenth() -> None:
    assert [backoff(2, chance) for chance in (0, 0.5, 1)] == pytest.approx([14.4, 16, 17.6])
    assert backoff(1000, 1) == pytest.approx(3960)


async def test_giving_up_is_for_good(bench: Bench) -> None:
    job = bench.add()
    assert await bench.run(failing(PermanentFailure("no such address")), job) is Outcome.DEAD
    assert (job.status, job.attempts) == ("dead", 1)
    assert job.error == {"code": "given_up", "message": "no such address"}


async def test_an_error_is_cut(bench: Bench) -> None:
    job = bench.add()
    await bench.run(failing(ValueError("x" * 100_000)), job)
    assert job.error == {"code": "ValueError", "message": "x" * 2000}


async def test_a_result_that_is_no_json_is_a_failure_of_the_job(bench: Bench) -> None:
    job = bench.add()

    async def body(_: JobContext[Any], finish: Completion[Any]) -> None:
        async with finish({"no": object()}):
            pass

    assert await bench.run(body, job) is Outcome.RETRIED
    assert job.error is not None
    assert job.error["code"] == "TypeError"


@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExit(1)])
async def test_a_kind_cannot_end_anything_but_itself(bench: Bench, error: BaseException) -> None:
    job = bench.add()
    assert await bench.run(failing(error), job) is Outcome.RETRIED
    assert job.error is not None
    assert job.error["code"] == "ended_abruptly"


async def test_an_unknown_kind_is_left_to_a_newer_worker(bench: Bench) -> None:
    job = bench.add(kind="unheard.of")
    assert await bench.run(nothing, job) is Outcome.STALE
    assert (job.status, job.attempts, job.epoch, job.run_at) == ("queued", 0, 0, 0)


async def test_the_caller_hears_of_a_claim_before_the_job_runs(bench: Bench) -> None:
    job, heard = bench.add(), []

    async def body(_: JobContext[Any], __: Completion[Any]) -> None:
        heard.append("run")

    runner = bench.runner(body)
    await runner.run(job.reference, lambda: heard.append("claim"))
    await runner.run(JobReference(fresh_id(), 0), lambda: heard.append("stale"))
    assert heard == ["claim", "run"]


@pytest.mark.parametrize("data", [{"bad": 1}, {"no n": 1}, None])
async def test_data_that_cannot_be_read_are_tried_again_and_then_dead(
    bench: Bench, data: dict[str, object] | None
) -> None:
    job = bench.add(data=data, max_attempts=2)
    assert await bench.run(nothing, job) is Outcome.RETRIED
    bench.table.now = job.run_at
    assert await bench.run(nothing, job) is Outcome.DEAD


async def test_one_that_takes_too_long_is_stopped(bench: Bench) -> None:
    job = bench.add()
    assert await bench.run(forever, job, timeout=0.05) is Outcome.RETRIED
    assert (job.status, job.attempts) == ("queued", 1)
    assert job.error == {"code": "timed_out", "message": "The attempt took too long."}


async def test_a_process_may_allow_less_time_than_a_kind(bench: Bench) -> None:
    job = bench.add()
    kinds = JobKinds([ScriptedKind(forever, timeout=60)], longest=0.05)
    runner = Runner(bench.store, kinds, bench.completion, bench.lease_keeper, lambda: 0.5)
    assert await runner.run(job.reference) is Outcome.RETRIED
    assert job.error == {"code": "timed_out", "message": "The attempt took too long."}
    assert kinds.longest == 0.05
