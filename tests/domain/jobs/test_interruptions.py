"""Jobs that are told to stop, and databases that go away meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs import runner as running
from jubilee.domain.jobs.kinds import (
    Completion,
    JobContext,
    JobKinds,
    PermanentFailure,
)
from jubilee.domain.jobs.runner import Outcome, Runner
from jubilee.domain.jobs.store import JobReference, LeaseLost
from tests.domain.jobs.job_bench import EFFECT, Bench, ScriptedKind, forever, nothing, stubborn


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "CANCEL_GRACE_S", 0.1)


@pytest.mark.timing
@pytest.mark.parametrize("cause", ["timeout", "cancel", "drain", "lost"])
async def test_one_that_does_not_listen_changes_nothing(bench: Bench, cause: str) -> None:
    job = bench.add(max_attempts=1)
    going = asyncio.create_task(
        bench.run(stubborn, job, timeout=0.05 if cause == "timeout" else 60)
    )
    await asyncio.sleep(0.02)
    if cause == "drain":
        bench.lease_keeper.drain()
    job.cancel_requested = cause == "cancel"
    job.epoch += cause == "lost"
    await bench.lease_keeper.heartbeat()
    ended = {
        "timeout": Outcome.DEAD,
        "cancel": Outcome.CANCELLED,
        "drain": Outcome.RELEASED,
        "lost": Outcome.LOST,
    }
    async with asyncio.timeout(0.4):
        assert await going is ended[cause]
    status = job.status
    await asyncio.sleep(0.6)
    assert (job.status, job.result) == (status, None)
    assert EFFECT.id not in bench.table.rows


async def test_one_that_is_lost_is_left_alone(bench: Bench) -> None:
    job = bench.add()
    going = asyncio.create_task(bench.run(forever, job))
    await asyncio.sleep(0.01)
    job.epoch += 1
    await bench.lease_keeper.heartbeat()
    assert await going is Outcome.LOST
    assert (job.status, job.attempts) == ("running", 1)


async def test_one_whose_owner_wants_it_to_stop_is_cancelled(bench: Bench) -> None:
    job = bench.add()
    going = asyncio.create_task(bench.run(forever, job))
    await asyncio.sleep(0.01)
    job.cancel_requested = True
    await bench.lease_keeper.heartbeat()
    assert await going is Outcome.CANCELLED
    assert (job.status, job.finished_at) == ("cancelled", 0)


async def test_one_that_is_drained_was_not_tried(bench: Bench) -> None:
    job = bench.add()
    going = asyncio.create_task(bench.run(forever, job))
    await asyncio.sleep(0.01)
    bench.lease_keeper.drain()
    assert await going is Outcome.RELEASED
    assert (job.status, job.attempts, job.run_at) == ("queued", 0, 0)


async def test_an_error_of_one_that_was_told_to_stop_is_no_attempt(bench: Bench) -> None:
    job = bench.add()

    async def body(_: JobContext[Any], __: Completion[Any]) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("closed")

    going = asyncio.create_task(bench.run(body, job))
    await asyncio.sleep(0.01)
    bench.lease_keeper.drain()
    assert await going is Outcome.RELEASED
    assert (job.status, job.attempts, job.error) == ("queued", 0, None)


async def test_a_run_that_is_cancelled_from_outside_gives_its_job_back(bench: Bench) -> None:
    job = bench.add()
    going = asyncio.create_task(bench.run(forever, job))
    await asyncio.sleep(0.01)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert (job.status, job.attempts) == ("queued", 0)


async def test_one_that_has_ended_cannot_be_stopped_any_more(bench: Bench) -> None:
    job = bench.add()

    async def body(_: JobContext[Any], finish: Completion[Any]) -> None:
        async with finish({"ok": True}):
            pass
        await asyncio.sleep(60)

    going = asyncio.create_task(bench.run(body, job))
    await asyncio.sleep(0.01)
    await bench.lease_keeper.heartbeat()
    assert await going is Outcome.SUCCEEDED
    assert (job.status, job.result) == ("succeeded", {"ok": True})


async def test_an_error_after_the_end_is_none(bench: Bench) -> None:
    job = bench.add()

    async def body(_: JobContext[Any], finish: Completion[Any]) -> None:
        async with finish():
            pass
        raise OSError

    assert await bench.run(body, job) is Outcome.SUCCEEDED
    assert "fail" not in bench.store.calls


async def test_a_kind_that_fails_in_its_end_has_failed(bench: Bench) -> None:
    job = bench.add()

    async def body(_: JobContext[Any], finish: Completion[Any]) -> None:
        async with finish() as tx:
            await tx.jobs.add(EFFECT)
            raise ValueError("in the end")

    assert await bench.run(body, job) is Outcome.RETRIED
    assert (job.status, EFFECT.id in bench.table.rows) == ("queued", False)


async def test_a_kind_that_passes_over_a_lost_lease_has_lost_it(bench: Bench) -> None:
    job = bench.add()

    async def body(_: JobContext[Any], finish: Completion[Any]) -> None:
        job.epoch += 1
        with suppress(LeaseLost):
            async with finish():
                pass

    assert await bench.run(body, job) is Outcome.LOST
    assert job.status == "running"


async def test_without_a_database_nothing_is_claimed(bench: Bench) -> None:
    job = bench.add()
    bench.table.away = True
    assert await bench.run(nothing, job) is Outcome.UNCLAIMED
    assert job.attempts == 0


@pytest.mark.parametrize("error", [None, OSError(), PermanentFailure()])
async def test_a_database_that_goes_away_meanwhile_leaves_it_to_the_sweeper(
    bench: Bench, error: Exception | None
) -> None:
    job = bench.add()

    async def body(_: JobContext[Any], __: Completion[Any]) -> None:
        bench.table.away = True
        if error is not None:
            raise error

    assert await bench.run(body, job) is Outcome.UNKNOWN
    assert (job.status, job.attempts) == ("running", 1)


async def test_a_drain_without_a_database_ends_all_the_same(bench: Bench) -> None:
    job = bench.add()
    going = asyncio.create_task(bench.run(forever, job))
    await asyncio.sleep(0.01)
    bench.table.away = True
    bench.lease_keeper.drain()
    assert await going is Outcome.UNKNOWN
    assert job.status == "running"


async def test_an_end_whose_reply_is_lost_is_an_end(bench: Bench) -> None:
    job, runs = bench.add(), []

    async def body(claim: JobContext[Any], finish: Completion[Any]) -> None:
        runs.append(claim.epoch)
        async with finish({"ok": True}) as tx:
            await tx.jobs.add(EFFECT)

    bench.completion.reply_lost = True
    assert await bench.run(body, job) is Outcome.LOST
    assert await bench.runner(body).run(job.reference) is Outcome.STALE
    assert (job.status, job.error, runs) == ("succeeded", None, [1])
    assert EFFECT.id in bench.table.rows


async def test_an_end_that_was_not_committed_is_tried_again(bench: Bench) -> None:
    job = bench.add()

    @asynccontextmanager
    async def refused(
        reference: JobReference, result: Mapping[str, object] | None
    ) -> AsyncIterator[Any]:
        yield None
        raise Unavailable

    runner = Runner(
        bench.store, JobKinds([ScriptedKind(nothing)]), refused, bench.lease_keeper, lambda: 0.5
    )
    assert await runner.run(job.reference) is Outcome.RETRIED
    assert job.error == {"code": "unavailable", "message": str(Unavailable())}
