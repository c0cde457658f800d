"""ARQ's worker for one lane, on a real Redis."""

import asyncio
import logging
from collections.abc import AsyncIterator
from statistics import median
from time import monotonic
from typing import Any

import pytest
from arq.constants import in_progress_key_prefix, job_key_prefix
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError

from jubilee.adapters.arq_courier import pack, queue_name
from jubilee.domain.jobs.claims import Dispatch, Reference
from jubilee.domain.jobs.running import Outcome
from jubilee.entrypoints import lane_worker
from tests.adapters.lanes import LANE, Site, dispatches, eventually
from tests.servers import Servers


@pytest.fixture
async def site(servers: Servers) -> AsyncIterator[Site]:
    site = Site(servers.redis_url)
    await site.pool.flushall()
    yield site
    await site.close()


def references(jobs: list[Dispatch]) -> list[Reference]:
    return [job.reference for job in jobs]


async def test_what_is_sent_is_run_once_and_leaves_nothing(site: Site) -> None:
    jobs = dispatches(20)
    site.start(), site.start()
    await site.courier.send(jobs)
    await site.courier.send(jobs)
    await site.runs.until(20)
    await asyncio.sleep(0.1)
    assert sorted(site.runs.started, key=str) == sorted(references(jobs), key=str)
    assert [key for key in await site.pool.keys() if b"health" not in key] == []


async def test_an_idle_worker_starts_a_job_at_once(site: Site) -> None:
    site.start()
    await asyncio.sleep(0.2)
    waits = []
    for job in dispatches(50):
        sent = monotonic()
        await site.courier.send([job])
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
    await site.pool.zadd(queue_name(LANE), {f"{job.reference.id}:0": 1})
    await site.runs.until(1, 2)


async def test_it_takes_as_many_as_it_has_slots(site: Site) -> None:
    site.runs.gate.clear()
    site.start(slots=3)
    await site.courier.send(dispatches(10))
    await asyncio.sleep(0.3)
    assert len(site.runs.started) == 3
    site.runs.gate.set()
    await site.runs.until(10)
    assert site.runs.most == 3


async def test_two_workers_share_the_queue(site: Site) -> None:
    site.runs.gate.clear()
    site.start(slots=3), site.start(slots=3)
    jobs = dispatches(10)
    await site.courier.send(jobs)
    await eventually(lambda: len(site.runs.started) == 6)
    await asyncio.sleep(0.2)
    assert len(set(site.runs.started)) == len(site.runs.started) == 6


async def test_urgent_ones_are_started_first(site: Site) -> None:
    late, soon = dispatches(2, priority=9), dispatches(2, priority=0)
    await site.courier.send(late + soon)
    site.start(slots=1)
    await site.runs.until(4)
    assert set(site.runs.started[:2]) == set(references(soon))


async def test_what_it_runs_is_not_asked_about_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.runs.gate.clear()
    worker = site.start(slots=10)
    await site.courier.send(dispatches(5))
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
    monkeypatch.setattr(lane_worker, "TAKEN", 0.5)
    (job,) = dispatches(1)
    name = f"{job.reference.id}:0"
    await site.courier.send([job])
    await site.pool.psetex(in_progress_key_prefix + name, 1000, b"1")  # by one that was killed
    site.start()
    await asyncio.sleep(0.3)
    assert site.runs.started == []
    await site.runs.until(1, 3)


async def test_its_mark_is_short_whatever_jobs_may_take(site: Site) -> None:
    site.runs.gate.clear()
    site.start()
    (job,) = dispatches(1)
    await site.courier.send([job])
    await eventually(lambda: bool(site.runs.started))
    mark = await site.pool.pttl(f"{in_progress_key_prefix}{job.reference.id}:0")
    assert 0 < mark <= lane_worker.TAKEN * 1000


async def test_one_that_is_gone_from_redis_is_passed_over(site: Site) -> None:
    site.start()
    await site.pool.zadd(queue_name(LANE), {"gone:1": 1, "odd:1": 2, "wrong:1": 3, "other:1": 4})
    await site.pool.set(f"{job_key_prefix}odd:1", b"\x80no json")
    wrong: dict[str, object] = {"t": None, "f": "run", "a": ["no id", 0, "more"], "k": {}, "et": 1}
    await site.pool.set(f"{job_key_prefix}wrong:1", pack(wrong))
    await site.pool.set(f"{job_key_prefix}other:1", pack({**wrong, "f": "os.system"}))
    await site.courier.send(dispatches(1))
    await site.runs.until(1)
    await asyncio.sleep(0.2)
    assert await site.queued() == 0


async def test_a_job_that_raises_is_no_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: object, reference: Reference) -> None:
        raise RuntimeError("a bug")

    worker = site.start(slots=2)
    monkeypatch.setattr(type(site.runs), "__call__", broken)
    await site.courier.send(dispatches(5))
    await asyncio.sleep(0.3)
    monkeypatch.undo()
    await site.courier.send(dispatches(5))
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

    monkeypatch.setattr(lane_worker, "POLL", 0.01)
    monkeypatch.setattr(Pipeline, command, failing)
    worker = site.start(slots=2)
    await site.courier.send(dispatches(8))
    await site.runs.until(8)
    assert failures == 0
    await eventually(lambda: worker.job_counter == 0)


@pytest.fixture
def _brief_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_worker, "LONGEST_REST", 0.6)


@pytest.mark.usefixtures("_brief_rest")
async def test_while_postgresql_is_away_it_takes_nothing_and_then_goes_on(site: Site) -> None:
    site.runs.outcome = Outcome.UNKNOWN
    worker = site.start(slots=1)
    await site.courier.send(dispatches(5))
    await site.runs.until(1)
    site.runs.outcome = Outcome.SUCCEEDED
    await asyncio.sleep(0.4)
    assert (len(site.runs.started), await site.queued()) == (1, 4)
    await site.runs.until(5)
    first, second = sorted(site.runs.at.values())[:2]
    assert 0.6 <= second - first < 1.5
    await eventually(lambda: worker.job_counter == 0)


@pytest.mark.usefixtures("_brief_rest")
async def test_it_rests_from_the_last_job_that_could_not_be_claimed(site: Site) -> None:
    site.runs.outcome = Outcome.UNKNOWN
    site.runs.gate.clear()
    site.start(slots=2)
    await site.courier.send(dispatches(3))
    await eventually(lambda: len(site.runs.started) == 2)
    site.workers[0]._rest()
    await asyncio.sleep(0.4)
    site.runs.gate.set()
    await asyncio.sleep(0.4)
    assert len(site.runs.started) == 2
    await site.runs.until(3)


async def test_a_rest_does_not_keep_it_from_stopping(site: Site) -> None:
    site.runs.outcome = Outcome.UNKNOWN
    worker = site.start(slots=1)
    await site.courier.send(dispatches(2))
    await site.runs.until(1)
    await eventually(lambda: not worker.allow_pick_jobs)
    worker.stop()
    await asyncio.wait_for(asyncio.gather(*site._mains, worker.finished()), 1)
    assert worker._rested is not None
    assert worker._rested.cancelled()
    assert (len(site.runs.started), await site.queued()) == (1, 1)


@pytest.mark.usefixtures("_brief_rest")
async def test_it_says_once_that_it_rests(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.runs.outcome = Outcome.UNKNOWN
    site.runs.gate.clear()
    site.start(slots=5)
    await site.courier.send(dispatches(5))
    await eventually(lambda: len(site.runs.started) == 5)
    with caplog.at_level(logging.WARNING):
        site.runs.gate.set()
        await site.runs.until(5)
    (line,) = [record for record in caplog.records if record.name == lane_worker.__name__]
    assert line.message == "PostgreSQL does not answer"
    assert (vars(line)["queue"], vars(line)["again_in"]) == (queue_name(LANE), 0.6)


async def test_after_it_was_told_to_stop_it_starts_nothing(site: Site) -> None:
    site.runs.gate.clear()
    worker = site.start(slots=100)
    await site.courier.send(dispatches(100))
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
