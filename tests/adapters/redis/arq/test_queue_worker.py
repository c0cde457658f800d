"""ARQ's worker for one queue, on a real Redis."""

import asyncio
import signal
from statistics import median
from time import monotonic

import pytest
from arq.constants import in_progress_key_prefix, job_key_prefix
from redis.asyncio.client import Pipeline

from jubilee.adapters.redis.arq import queue_worker
from jubilee.adapters.redis.arq.messages import pack
from jubilee.adapters.redis.arq.queue_worker import ArqQueueWorker
from jubilee.domain.jobs.store import JobReference
from tests.adapters.redis.arq.queue_workers import (
    QUEUE,
    QueueSite,
    dispatches,
    eventually,
    references,
)


@pytest.fixture
def long_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other worker takes a message meanwhile, however long its claim takes."""
    monkeypatch.setattr(queue_worker, "IN_PROGRESS_TTL_S", 60)


@pytest.mark.usefixtures("long_marks")
async def test_a_sent_job_is_run_once_and_leaves_no_keys(site: QueueSite) -> None:
    jobs = dispatches(20)
    site.start(), site.start()
    await site.send(jobs)
    await site.send(jobs)
    await site.runs.until(20)
    await site.until_empty()
    assert sorted(site.runs.started, key=str) == sorted(references(jobs), key=str)


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
    await site.runs.until(1, 8)
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


async def test_more_messages_are_asked_for_before_the_last_one_is_taken(site: QueueSite) -> None:
    site.runs.gate.clear()
    await site.send(dispatches(5))
    site.start(slots=2)
    await eventually(lambda: len(site.runs.started) == 2)
    assert not site.refill.is_set()
    site.runs.gate.set()
    await site.runs.until(5)
    assert site.refill.is_set()


async def test_signals_are_left_to_the_process(site: QueueSite) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    site.build(1, site.runs)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.usefixtures("long_marks")
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


def count_looks(site: QueueSite, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the list to which each look for free messages adds their number."""
    looks: list[int] = []
    mget = site.pool.mget

    async def count_call(keys: list[str]) -> object:
        looks.append(len(keys))
        return await mget(keys)

    monkeypatch.setattr(site.pool, "mget", count_call)
    return looks


async def test_running_jobs_are_not_read_again(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.runs.gate.clear()
    many = 2 * queue_worker.TAKE_BATCH
    worker = site.start(slots=2 * many)
    await site.send(dispatches(many))
    await eventually(lambda: len(site.runs.started) == many)
    looks = count_looks(site, monkeypatch)
    await asyncio.sleep(1.2)
    assert (looks, worker.job_counter) == ([], many)


async def test_a_few_messages_are_taken_without_being_looked_for(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = count_looks(site, monkeypatch)
    site.start(slots=20)
    await site.send(dispatches(queue_worker.TAKE_BATCH))
    await site.runs.until(queue_worker.TAKE_BATCH)
    assert looks == []


async def test_a_mark_of_a_killed_worker_expires(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_worker, "IN_PROGRESS_TTL_S", 0.5)
    (job,) = dispatches(1)
    mark = f"{in_progress_key_prefix}{job.reference.id}:0"
    await site.send([job])
    await site.pool.psetex(mark, 60_000, b"1")  # left by a worker that was killed
    site.start()
    await asyncio.sleep(0.3)
    assert site.runs.started == []
    await site.pool.pexpire(mark, 100)
    await site.runs.until(1, 8)


def test_a_mark_is_short() -> None:
    assert queue_worker.IN_PROGRESS_TTL_S <= 1


@pytest.mark.usefixtures("long_marks")
async def test_the_message_of_a_job_that_is_being_claimed_has_a_mark(site: QueueSite) -> None:
    site.runs.database.clear()
    site.start()
    (job,) = dispatches(1)
    await site.send([job])
    await eventually(lambda: bool(site.runs.started))
    mark = await site.pool.pttl(f"{in_progress_key_prefix}{job.reference.id}:0")
    assert 0 < mark <= queue_worker.IN_PROGRESS_TTL_S * 1000
    site.runs.database.set()


async def test_missing_and_malformed_messages_are_skipped(site: QueueSite) -> None:
    site.start()
    await site.pool.zadd(QUEUE, {"missing:1": 1, "odd:1": 2, "wrong:1": 3, "other:1": 4})
    await site.pool.set(f"{job_key_prefix}odd:1", b"\x80no json")
    wrong: dict[str, object] = {"t": None, "f": "run", "a": ["no id", 0, "more"], "k": {}, "et": 1}
    await site.pool.set(f"{job_key_prefix}wrong:1", pack(wrong))
    await site.pool.set(f"{job_key_prefix}other:1", pack({**wrong, "f": "os.system"}))
    await site.send(dispatches(1))
    await site.runs.until(1)
    await site.until_empty()


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


async def test_the_message_of_a_long_job_is_removed_from_the_queue_once(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[str] = []
    zrem = Pipeline.zrem

    def record_call(pipe: Pipeline, queue: str, *messages: str) -> object:
        removed.extend(messages)
        return zrem(pipe, queue, *messages)

    monkeypatch.setattr(Pipeline, "zrem", record_call)
    monkeypatch.setattr(queue_worker, "IN_PROGRESS_TTL_S", 4)  # a busy machine claims within it
    site.runs.gate.clear()
    site.start(slots=2), site.start(slots=2)
    jobs = dispatches(2)
    await site.send(jobs)
    await eventually(lambda: len(site.runs.started) == 2)
    await asyncio.sleep(queue_worker.IN_PROGRESS_TTL_S + 1)
    assert (len(site.runs.started), await site.queued()) == (2, 0)
    assert sorted(removed) == sorted(f"{job.reference.id}:0" for job in jobs)


async def test_messages_of_jobs_that_are_claimed_together_are_removed_together(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[int] = []
    zrem = Pipeline.zrem

    def record_call(pipe: Pipeline, queue: str, *messages: str) -> object:
        removed.append(len(messages))
        return zrem(pipe, queue, *messages)

    monkeypatch.setattr(Pipeline, "zrem", record_call)
    await site.send(dispatches(5))
    site.start(slots=5)
    await eventually(lambda: sum(removed) == 5)
    assert removed == [5]


async def test_a_stopping_worker_returns_its_message(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, real = site.start(slots=1), ArqQueueWorker._run

    async def stop_during_run(self: ArqQueueWorker, message: str, body: bytes) -> None:
        worker.stop()
        await real(self, message, body)

    monkeypatch.setattr(ArqQueueWorker, "_run", stop_during_run)
    (job,) = dispatches(1)
    await site.send([job])
    await eventually(lambda: worker._stopping)
    monkeypatch.undo()
    await asyncio.wait_for(asyncio.gather(*site._mains, worker.finished()), 8)
    site.start()
    await site.runs.until(1, 8)
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
    await asyncio.wait_for(finished, 30)
    assert len(site.runs.ended) == started
    assert [task.done() for task in worker.tasks.values()] == [True] * len(worker.tasks)
