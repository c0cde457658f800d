"""ARQ's worker for one lane, on a real Redis."""

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
from tests.adapters.arq.queue_workers import QUEUE, Runs, Site, dispatches, eventually
from tests.servers import Servers


@pytest.fixture
async def site(servers: Servers) -> AsyncIterator[Site]:
    site = Site(servers.redis_url)
    await site.pool.flushall()
    yield site
    await site.close()


def references(jobs: list[Dispatch]) -> list[JobReference]:
    return [job.reference for job in jobs]


async def test_what_is_sent_is_run_once_and_leaves_nothing(site: Site) -> None:
    jobs = dispatches(20)
    site.start(), site.start()
    await site.send(jobs)
    await site.send(jobs)
    await site.runs.until(20)
    await asyncio.sleep(0.1)
    assert sorted(site.runs.started, key=str) == sorted(references(jobs), key=str)
    assert [key for key in await site.pool.keys() if b"health" not in key] == []


@pytest.mark.timing
async def test_an_idle_worker_starts_a_job_at_once(site: Site) -> None:
    site.start()
    await asyncio.sleep(0.2)
    waits = []
    for job in dispatches(50):
        sent = monotonic()
        await site.send([job])
        await eventually(lambda job=job: job.reference in site.runs.at)  # type: ignore[misc]  # each its own
        waits.append(site.runs.at[job.reference] - sent)
        await asyncio.sleep(0.01)
    assert median(waits) < 0.05


async def test_without_a_wake_up_it_looks_by_itself(site: Site) -> None:
    site.start()
    await asyncio.sleep(0.2)
    (job,) = dispatches(1)
    raw = pack({"t": None, "f": "run", "a": [str(job.reference.id), 0], "k": {}, "et": 1})
    await site.pool.set(f"{job_key_prefix}{job.reference.id}:0", raw)
    await site.pool.zadd(QUEUE, {f"{job.reference.id}:0": 1})
    await site.runs.until(1, 2)
    assert site.runs.ended == [job.reference]


async def test_it_takes_as_many_as_it_has_slots(site: Site) -> None:
    site.runs.gate.clear()
    site.start(slots=3)
    await site.send(dispatches(10))
    await asyncio.sleep(0.3)
    assert len(site.runs.started) == 3
    site.runs.gate.set()
    await site.runs.until(10)
    assert site.runs.most == 3


async def test_two_workers_share_the_queue(site: Site) -> None:
    site.runs.gate.clear()
    site.start(slots=3), site.start(slots=3)
    jobs = dispatches(10)
    await site.send(jobs)
    await eventually(lambda: len(site.runs.started) == 6)
    await asyncio.sleep(0.2)
    assert len(set(site.runs.started)) == len(site.runs.started) == 6


async def test_urgent_ones_are_started_first(site: Site) -> None:
    late, soon = dispatches(2, priority=9), dispatches(2, priority=0)
    await site.send(late + soon)
    site.start(slots=1)
    await site.runs.until(4)
    assert set(site.runs.started[:2]) == set(references(soon))


async def test_what_it_runs_is_not_asked_about_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.runs.gate.clear()
    worker = site.start(slots=10)
    await site.send(dispatches(5))
    await eventually(lambda: len(site.runs.started) == 5)
    asked = []
    mget = site.pool.mget

    async def counted(keys: list[str]) -> object:
        asked.append(len(keys))
        return await mget(keys)

    monkeypatch.setattr(site.pool, "mget", counted)
    await asyncio.sleep(1.2)
    assert (asked, worker.job_counter) == ([], 5)


async def test_others_leave_a_job_alone_only_for_a_while(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_worker, "IN_PROGRESS_TTL_S", 0.5)
    (job,) = dispatches(1)
    name = f"{job.reference.id}:0"
    await site.send([job])
    await site.pool.psetex(in_progress_key_prefix + name, 1000, b"1")  # by one that was killed
    site.start()
    await asyncio.sleep(0.3)
    assert site.runs.started == []
    await site.runs.until(1, 3)


async def test_its_mark_is_short_whatever_jobs_may_take(site: Site) -> None:
    site.runs.gate.clear()
    site.start()
    (job,) = dispatches(1)
    await site.send([job])
    await eventually(lambda: bool(site.runs.started))
    mark = await site.pool.pttl(f"{in_progress_key_prefix}{job.reference.id}:0")
    assert 0 < mark <= queue_worker.IN_PROGRESS_TTL_S * 1000


async def test_one_that_is_gone_from_redis_is_passed_over(site: Site) -> None:
    site.start()
    await site.pool.zadd(QUEUE, {"gone:1": 1, "odd:1": 2, "wrong:1": 3, "other:1": 4})
    await site.pool.set(f"{job_key_prefix}odd:1", b"\x80no json")
    wrong: dict[str, object] = {"t": None, "f": "run", "a": ["no id", 0, "more"], "k": {}, "et": 1}
    await site.pool.set(f"{job_key_prefix}wrong:1", pack(wrong))
    await site.pool.set(f"{job_key_prefix}other:1", pack({**wrong, "f": "os.system"}))
    await site.send(dispatches(1))
    await site.runs.until(1)
    await asyncio.sleep(0.2)
    assert await site.queued() == 0


async def test_a_job_that_raises_is_no_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
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
async def test_a_redis_that_fails_costs_no_slots(
    site: Site, monkeypatch: pytest.MonkeyPatch, command: str
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
async def test_a_message_whose_job_was_not_claimed_goes_back_and_another_worker_has_it(
    site: Site,
) -> None:
    cut_off, jobs = Runs(), dispatches(3)
    cut_off.outcome = Outcome.UNCLAIMED
    site.reached = False
    site.start(runs=cut_off)
    await site.send(jobs)
    await cut_off.until(1)
    sent = monotonic()
    site.start()
    await site.runs.until(3)
    assert monotonic() - sent < 0.5
    assert set(site.runs.ended) == set(references(jobs))
    await asyncio.sleep(0.1)
    assert [key for key in await site.pool.keys() if b"health" not in key] == []


async def test_it_takes_nothing_until_postgresql_answers_a_ping(site: Site) -> None:
    site.runs.outcome, site.reached = Outcome.UNCLAIMED, False
    worker = site.start(slots=1)
    await site.send(dispatches(5))
    await site.runs.until(1)
    await eventually(lambda: site.pings >= 2)
    assert (len(site.runs.started), await site.queued()) == (1, 5)
    site.runs.outcome, site.reached = Outcome.SUCCEEDED, True
    await site.runs.until(6, 3)
    await eventually(lambda: worker.job_counter == 0)
    assert await site.queued() == 0
    assert 2 <= site.pings <= 5


async def test_claims_that_fail_though_a_ping_succeeds_are_tried_ever_less_often(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_worker, "POLL_INTERVAL_S", 0.1)
    site.runs.outcome, began = Outcome.UNCLAIMED, monotonic()
    site.start(slots=1)
    await site.send(dispatches(1))
    await site.runs.until(5)
    assert 1.0 < monotonic() - began < 4


async def test_a_worker_whose_claims_have_no_answer_takes_no_more(site: Site) -> None:
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


async def test_another_worker_tries_where_a_claim_has_no_answer(site: Site) -> None:
    cut_off, (job,) = Runs(), dispatches(1)
    cut_off.database.clear()
    site.start(runs=cut_off)
    await site.send([job])
    await eventually(lambda: len(cut_off.started) == 1)
    site.start()
    await site.runs.until(1, 2)
    assert site.runs.ended == [job.reference]
    cut_off.outcome = Outcome.STALE
    cut_off.database.set()


async def test_the_message_of_a_job_that_runs_for_a_while_leaves_the_queue(site: Site) -> None:
    site.runs.gate.clear()
    site.start(slots=2), site.start(slots=2)
    await site.send(dispatches(2))
    await eventually(lambda: len(site.runs.started) == 2)
    await asyncio.sleep(queue_worker.IN_PROGRESS_TTL_S + 1)
    assert (len(site.runs.started), await site.queued()) == (2, 0)


async def test_a_pause_does_not_keep_it_from_stopping(site: Site) -> None:
    site.runs.outcome, site.reached = Outcome.UNCLAIMED, False
    worker = site.start(slots=1)
    await site.send(dispatches(2))
    await site.runs.until(1)
    await eventually(lambda: not worker.allow_pick_jobs)
    worker.stop()
    await asyncio.wait_for(asyncio.gather(*site._mains, worker.finished()), 1)
    assert (len(site.runs.started), await site.queued()) == (1, 2)


async def test_it_says_once_that_it_pauses(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.runs.outcome, site.reached = Outcome.UNCLAIMED, False
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


async def test_a_message_that_a_stopping_worker_has_taken_goes_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, real = site.start(slots=1), Worker.run_job

    async def stopped_meanwhile(self: ArqQueueWorker, job_id: str, score: int) -> None:
        worker.stop()
        await real(self, job_id, score)

    monkeypatch.setattr(Worker, "run_job", stopped_meanwhile)
    (job,) = dispatches(1)
    await site.send([job])
    await eventually(lambda: worker._stopping)
    monkeypatch.undo()
    await asyncio.wait_for(asyncio.gather(*site._mains, worker.finished()), 2)
    site.start()
    await site.runs.until(1, 2)
    assert site.runs.ended == [job.reference]


async def test_after_it_was_told_to_stop_it_starts_nothing(site: Site) -> None:
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


def count_subscriptions(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the worker began to listen for wake-ups, each time that it does from now on."""
    times: list[float] = []
    real = site.pool.pubsub

    def counted(**options: Any) -> Any:
        times.append(monotonic())
        return real(**options)

    monkeypatch.setattr(site.pool, "pubsub", counted)
    return times


async def test_a_quiet_connection_that_answers_is_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_worker, "PING_AFTER_S", 0.05)
    monkeypatch.setattr(queue_worker, "MAX_PAUSE_S", 0.05)
    subscriptions = count_subscriptions(site, monkeypatch)
    site.start()
    await asyncio.sleep(1)
    assert len(subscriptions) == 1


async def test_a_connection_that_does_not_answer_is_opened_anew(
    site: Site, monkeypatch: pytest.MonkeyPatch
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


async def test_where_redis_is_away_listening_is_tried_at_intervals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue_worker, "MAX_PAUSE_S", 0.2)
    site = Site("redis://127.0.0.1:1/0")
    subscriptions = count_subscriptions(site, monkeypatch)
    site.start()
    await asyncio.sleep(1)
    assert 2 <= len(subscriptions) <= 6
    await site.close()
