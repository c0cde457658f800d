"""ARQ's worker for one queue, on a real Redis."""

import asyncio
import logging
from collections.abc import AsyncIterator
from statistics import median
from time import monotonic
from typing import Any

import pytest
from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.worker import Worker
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError

from jubilee.adapters.redis.arq import queue_worker, taken_messages
from jubilee.adapters.redis.arq.messages import pack
from jubilee.adapters.redis.arq.queue_worker import ArqQueueWorker
from jubilee.domain.jobs.runner import Outcome
from jubilee.domain.jobs.store import Dispatch, JobReference
from tests.adapters.redis.arq.queue_workers import QUEUE, QueueSite, Runs, dispatches, eventually
from tests.servers import Servers


@pytest.fixture
async def site(servers: Servers) -> AsyncIterator[QueueSite]:
    site = QueueSite(servers.redis_url)
    await site.pool.flushall()
    yield site
    await site.close()


def references(jobs: list[Dispatch]) -> list[JobReference]:
    return [job.reference for job in jobs]


async def test_a_sent_job_is_run_once_and_leaves_no_keys(site: QueueSite) -> None:
    jobs = dispatches(20)
    site.start(), site.start()
    await site.send(jobs)
    await site.send(jobs)
    await site.runs.until(20)
    await asyncio.sleep(0.1)
    assert sorted(site.runs.started, key=str) == sorted(references(jobs), key=str)
    assert [key for key in await site.pool.keys() if b"health" not in key] == []


@pytest.mark.timing
async def test_an_idle_worker_starts_a_job_at_once(site: QueueSite) -> None:
    site.start()
    await asyncio.sleep(0.2)
    delays = []
    for job in dispatches(50):
        sent = monotonic()
        await site.send([job])
        await eventually(lambda job=job: job.reference in site.runs.at)  # type: ignore[misc]  # bound to this job
        delays.append(site.runs.at[job.reference] - sent)
        await asyncio.sleep(0.01)
    assert median(delays) < 0.05


async def test_a_worker_polls_without_a_wake_up(site: QueueSite) -> None:
    site.start()
    await asyncio.sleep(0.2)
    (job,) = dispatches(1)
    raw = pack({"t": None, "f": "run", "a": [str(job.reference.id), 0], "k": {}, "et": 1})
    await site.pool.set(f"{job_key_prefix}{job.reference.id}:0", raw)
    await site.pool.zadd(QUEUE, {f"{job.reference.id}:0": 1})
    await site.runs.until(1, 2)
    assert site.runs.ended == [job.reference]


async def test_a_worker_runs_as_many_jobs_as_it_has_slots(site: QueueSite) -> None:
    site.runs.gate.clear()
    site.start(slots=3)
    await site.send(dispatches(10))
    await eventually(lambda: len(site.runs.started) == 3)
    await asyncio.sleep(0.3)
    assert len(site.runs.started) == 3
    site.runs.gate.set()
    await site.runs.until(10)
    assert site.runs.max_running == 3


async def test_two_workers_share_the_queue(site: QueueSite) -> None:
    site.runs.gate.clear()
    site.start(slots=3), site.start(slots=3)
    jobs = dispatches(10)
    await site.send(jobs)
    await eventually(lambda: len(site.runs.started) == 6)
    await asyncio.sleep(0.2)
    assert len(set(site.runs.started)) == len(site.runs.started) == 6


async def test_urgent_jobs_are_started_first(site: QueueSite) -> None:
    late, soon = dispatches(2, priority=9), dispatches(2, priority=0)
    await site.send(late + soon)
    site.start(slots=1)
    await site.runs.until(4)
    assert set(site.runs.started[:2]) == set(references(soon))


async def test_running_jobs_are_not_read_again(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.runs.gate.clear()
    worker = site.start(slots=10)
    await site.send(dispatches(5))
    await eventually(lambda: len(site.runs.started) == 5)
    reads = []
    mget = site.pool.mget

    async def count_call(keys: list[str]) -> object:
        reads.append(len(keys))
        return await mget(keys)

    monkeypatch.setattr(site.pool, "mget", count_call)
    await asyncio.sleep(1.2)
    assert (reads, worker.job_counter) == ([], 5)


async def test_a_mark_of_a_killed_worker_expires(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_worker, "IN_PROGRESS_TTL_S", 0.5)
    (job,) = dispatches(1)
    name = f"{job.reference.id}:0"
    await site.send([job])
    await site.pool.psetex(
        in_progress_key_prefix + name, 1000, b"1"
    )  # left by a worker that was killed
    site.start()
    await asyncio.sleep(0.3)
    assert site.runs.started == []
    await site.runs.until(1, 3)


async def test_the_mark_of_a_running_job_is_short(site: QueueSite) -> None:
    site.runs.gate.clear()
    site.start()
    (job,) = dispatches(1)
    await site.send([job])
    await eventually(lambda: bool(site.runs.started))
    mark = await site.pool.pttl(f"{in_progress_key_prefix}{job.reference.id}:0")
    assert 0 < mark <= queue_worker.IN_PROGRESS_TTL_S * 1000


async def test_missing_and_malformed_messages_are_skipped(site: QueueSite) -> None:
    site.start()
    await site.pool.zadd(QUEUE, {"missing:1": 1, "odd:1": 2, "wrong:1": 3, "other:1": 4})
    await site.pool.set(f"{job_key_prefix}odd:1", b"\x80no json")
    wrong: dict[str, object] = {"t": None, "f": "run", "a": ["no id", 0, "more"], "k": {}, "et": 1}
    await site.pool.set(f"{job_key_prefix}wrong:1", pack(wrong))
    await site.pool.set(f"{job_key_prefix}other:1", pack({**wrong, "f": "os.system"}))
    await site.send(dispatches(1))
    await site.runs.until(1)
    await asyncio.sleep(0.2)
    assert await site.queued() == 0


async def test_a_worker_survives_a_job_that_raises(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: object, reference: JobReference) -> None:
        raise RuntimeError("a bug")

    worker = site.start(slots=2)
    monkeypatch.setattr(type(site.runs), "__call__", broken)
    await site.send(dispatches(5))
    await asyncio.sleep(0.3)
    monkeypatch.undo()
    await site.send(dispatches(5))
    await site.runs.until(5)
    await eventually(lambda: worker.job_counter == 0)


@pytest.mark.parametrize("command", ["watch", "multi"])
async def test_errors_of_redis_do_not_leak_slots(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    failures, real = 6, getattr(Pipeline, command)

    def failing(self: Pipeline, *names: str) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise RedisConnectionError("reset by peer")
        return real(self, *names)

    monkeypatch.setattr(queue_worker, "POLL_INTERVAL_S", 0.01)
    monkeypatch.setattr(Pipeline, command, failing)
    worker = site.start(slots=2)
    await site.send(dispatches(8))
    await site.runs.until(8)
    assert failures == 0
    await eventually(lambda: worker.job_counter == 0)


@pytest.mark.timing
async def test_the_message_of_an_unclaimed_job_is_run_by_another_worker(
    site: QueueSite,
) -> None:
    unreachable, jobs = Runs(), dispatches(3)
    unreachable.outcome = Outcome.UNCLAIMED
    site.database_answers = False
    site.start(runs=unreachable)
    await site.send(jobs)
    await unreachable.until(1)
    sent = monotonic()
    site.start()
    await site.runs.until(3)
    assert monotonic() - sent < 0.5
    assert set(site.runs.ended) == set(references(jobs))
    await asyncio.sleep(0.1)
    assert [key for key in await site.pool.keys() if b"health" not in key] == []


async def test_a_worker_takes_no_messages_until_postgresql_answers(site: QueueSite) -> None:
    site.runs.outcome, site.database_answers = Outcome.UNCLAIMED, False
    worker = site.start(slots=1)
    await site.send(dispatches(5))
    await site.runs.until(1)
    await eventually(lambda: site.pings >= 2)
    assert (len(site.runs.started), await site.queued()) == (1, 5)
    site.runs.outcome, site.database_answers = Outcome.SUCCEEDED, True
    await site.runs.until(6, 3)
    await eventually(lambda: worker.job_counter == 0)
    assert await site.queued() == 0
    assert 2 <= site.pings <= 5


async def test_claims_that_keep_failing_are_retried_with_growing_pauses(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_worker, "POLL_INTERVAL_S", 0.1)
    site.runs.outcome, began = Outcome.UNCLAIMED, monotonic()
    site.start(slots=1)
    await site.send(dispatches(1))
    await site.runs.until(5)
    assert 1.0 < monotonic() - began < 4


async def test_a_worker_with_unanswered_claims_takes_no_messages(site: QueueSite) -> None:
    site.runs.database.clear()
    site.start(slots=5)
    await site.send(dispatches(1))
    await eventually(lambda: len(site.runs.started) == 1)
    await asyncio.sleep(taken_messages.CLAIM_TIMEOUT_S + 0.1)
    await site.send(dispatches(3))
    await asyncio.sleep(0.7)
    assert len(site.runs.started) == 1
    site.runs.database.set()
    await site.runs.until(4, 2)


async def test_another_worker_takes_the_message_of_an_unanswered_claim(site: QueueSite) -> None:
    unreachable, (job,) = Runs(), dispatches(1)
    unreachable.database.clear()
    site.start(runs=unreachable)
    await site.send([job])
    await eventually(lambda: len(unreachable.started) == 1)
    site.start()
    await site.runs.until(1, 2)
    assert site.runs.ended == [job.reference]
    unreachable.outcome = Outcome.STALE
    unreachable.database.set()


async def test_the_message_of_a_long_job_is_removed_from_the_queue(site: QueueSite) -> None:
    site.runs.gate.clear()
    site.start(slots=2), site.start(slots=2)
    await site.send(dispatches(2))
    await eventually(lambda: len(site.runs.started) == 2)
    await asyncio.sleep(queue_worker.IN_PROGRESS_TTL_S + 1)
    assert (len(site.runs.started), await site.queued()) == (2, 0)


async def test_a_paused_worker_stops(site: QueueSite) -> None:
    site.runs.outcome, site.database_answers = Outcome.UNCLAIMED, False
    worker = site.start(slots=1)
    await site.send(dispatches(2))
    await site.runs.until(1)
    await eventually(lambda: not worker.allow_pick_jobs)
    worker.stop()
    await asyncio.wait_for(asyncio.gather(*site._mains, worker.finished()), 1)
    assert (len(site.runs.started), await site.queued()) == (1, 2)


async def test_a_pause_is_logged_once(site: QueueSite, caplog: pytest.LogCaptureFixture) -> None:
    site.runs.outcome, site.database_answers = Outcome.UNCLAIMED, False
    site.runs.gate.clear()
    site.start(slots=5)
    await site.send(dispatches(5))
    await eventually(lambda: len(site.runs.started) == 5)
    with caplog.at_level(logging.WARNING):
        site.runs.gate.set()
        await site.runs.until(5)
        await eventually(lambda: site.pings >= 1)
    (line,) = [record for record in caplog.records if record.name == queue_worker.__name__]
    assert line.message == "PostgreSQL does not answer"
    assert (vars(line)["queue"], vars(line)["again_in"]) == (QUEUE, queue_worker.POLL_INTERVAL_S)


async def test_a_stopping_worker_returns_its_message(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, real = site.start(slots=1), Worker.run_job

    async def stop_during_run(self: ArqQueueWorker, job_id: str, score: int) -> None:
        worker.stop()
        await real(self, job_id, score)

    monkeypatch.setattr(Worker, "run_job", stop_during_run)
    (job,) = dispatches(1)
    await site.send([job])
    await eventually(lambda: worker._stopping)
    monkeypatch.undo()
    await asyncio.wait_for(asyncio.gather(*site._mains, worker.finished()), 2)
    site.start()
    await site.runs.until(1, 2)
    assert site.runs.ended == [job.reference]


async def test_a_stopping_worker_starts_no_job(site: QueueSite) -> None:
    site.runs.gate.clear()
    worker = site.start(slots=100)
    await site.send(dispatches(100))
    await eventually(lambda: len(site.runs.started) >= 1)
    worker.stop()
    started = len(site.runs.started)
    assert started < 100
    finished = asyncio.create_task(worker.finished())
    await asyncio.sleep(0.3)
    assert (len(site.runs.started), finished.done()) == (started, False)
    site.runs.gate.set()
    await asyncio.wait_for(finished, 5)
    assert len(site.runs.ended) == started
    assert [task.done() for task in worker.tasks.values()] == [True] * len(worker.tasks)


def count_subscriptions(site: QueueSite, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the times at which the worker subscribes to wake-ups."""
    times: list[float] = []
    real = site.pool.pubsub

    def count_call(**options: Any) -> Any:
        times.append(monotonic())
        return real(**options)

    monkeypatch.setattr(site.pool, "pubsub", count_call)
    return times


async def test_an_idle_connection_that_answers_stays_open(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_worker, "PING_AFTER_S", 0.05)
    monkeypatch.setattr(queue_worker, "MAX_PAUSE_S", 0.05)
    subscriptions = count_subscriptions(site, monkeypatch)
    site.start()
    await asyncio.sleep(1)
    assert len(subscriptions) == 1


async def test_a_connection_that_does_not_answer_is_reopened(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_worker, "PING_AFTER_S", 0.1)
    monkeypatch.setattr(queue_worker, "MAX_PAUSE_S", 0.1)
    subscriptions = count_subscriptions(site, monkeypatch)
    site.start()
    await eventually(lambda: len(subscriptions) == 1)
    await site.pool.client_pause(1000)
    await eventually(lambda: len(subscriptions) >= 2, 3)
    jobs = dispatches(1)
    await site.send(jobs)
    await site.runs.until(1)
    assert site.runs.ended == references(jobs)


async def test_an_unreachable_redis_is_tried_at_intervals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue_worker, "MAX_PAUSE_S", 0.2)
    site = QueueSite("redis://127.0.0.1:1/0")
    subscriptions = count_subscriptions(site, monkeypatch)
    site.start()
    await asyncio.sleep(1)
    assert 2 <= len(subscriptions) <= 6
    await site.close()
