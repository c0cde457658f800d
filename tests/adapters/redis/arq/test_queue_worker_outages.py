"""ARQ's worker for one queue while Redis or PostgreSQL does not answer."""

import asyncio
import logging
from time import monotonic
from typing import Any

import pytest
from asyncpg import PostgresError
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError

from jubilee.adapters.redis.arq import queue_worker, taken_messages, wakeups
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.runner import Outcome
from tests.adapters.redis.arq.queue_workers import (
    QUEUE,
    QueueSite,
    Runs,
    dispatches,
    eventually,
    references,
)


@pytest.mark.parametrize("command", ["set", "mget", "delete"])
async def test_errors_of_redis_do_not_leak_slots(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    failures, real = 6, getattr(Pipeline, command)

    def failing(self: Pipeline, *names: Any, **options: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise RedisConnectionError("reset by peer")
        return real(self, *names, **options)

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
    await site.until_empty()


@pytest.mark.parametrize("outage", [Unavailable, PostgresError])
async def test_a_worker_takes_no_messages_until_postgresql_answers(
    site: QueueSite, outage: type[Exception]
) -> None:
    site.runs.outcome, site.database_answers, site.outage = Outcome.UNCLAIMED, False, outage
    worker, began = site.start(slots=1), monotonic()
    await site.send(dispatches(5))
    await site.runs.until(1)
    await eventually(lambda: site.pings >= 2)
    assert (len(site.runs.started), await site.queued()) == (1, 5)
    site.runs.outcome, site.database_answers = Outcome.SUCCEEDED, True
    await site.runs.until(6, 8)
    await eventually(lambda: worker.job_counter == 0)
    await site.until_empty()
    assert 2 <= site.pings <= 1 + monotonic() - began  # the pauses grow to a second


async def test_an_unexpected_error_of_a_ping_is_logged(
    site: QueueSite, caplog: pytest.LogCaptureFixture
) -> None:
    site.runs.outcome, site.database_answers, site.outage = Outcome.UNCLAIMED, False, PostgresError
    site.start(slots=1)
    await site.send(dispatches(1))
    await eventually(lambda: site.pings >= 2)
    assert "PostgreSQL cannot be asked" in caplog.messages


async def test_claims_that_keep_failing_are_retried_with_growing_pauses(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_worker, "POLL_INTERVAL_S", 0.1)
    site.runs.outcome, began = Outcome.UNCLAIMED, monotonic()
    site.start(slots=1)
    await site.send(dispatches(1))
    await site.runs.until(5, 20)
    assert monotonic() - began > 1.0


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
    await site.runs.until(4, 8)


async def test_another_worker_takes_the_message_of_an_unanswered_claim(site: QueueSite) -> None:
    unreachable, (job,) = Runs(), dispatches(1)
    unreachable.database.clear()
    site.start(runs=unreachable)
    await site.send([job])
    await eventually(lambda: len(unreachable.started) == 1)
    site.start()
    await site.runs.until(1, 8)
    assert site.runs.ended == [job.reference]
    unreachable.outcome = Outcome.STALE
    unreachable.database.set()


async def test_a_paused_worker_stops(site: QueueSite) -> None:
    site.runs.outcome, site.database_answers = Outcome.UNCLAIMED, False
    worker = site.start(slots=1)
    await site.send(dispatches(2))
    await site.runs.until(1)
    await eventually(lambda: not worker.allow_pick_jobs)
    worker.stop()
    await asyncio.wait_for(asyncio.gather(*site._mains, worker.finished()), 8)
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
    monkeypatch.setattr(wakeups, "PING_AFTER_S", 1.5)
    monkeypatch.setattr(wakeups, "RECONNECT_PAUSE_S", 0.05)
    subscriptions = count_subscriptions(site, monkeypatch)
    site.start()
    await asyncio.sleep(2 * wakeups.PING_AFTER_S + 0.5)
    assert len(subscriptions) == 1


async def test_a_connection_that_does_not_answer_is_reopened(
    site: QueueSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeups, "PING_AFTER_S", 0.1)
    monkeypatch.setattr(wakeups, "RECONNECT_PAUSE_S", 0.1)
    subscriptions = count_subscriptions(site, monkeypatch)
    site.start()
    await eventually(lambda: len(subscriptions) == 1)
    await site.pool.client_pause(4000)
    await eventually(lambda: len(subscriptions) >= 2, 20)
    jobs = dispatches(1)
    await site.send(jobs)
    await site.runs.until(1, 20)
    assert site.runs.ended == references(jobs)


async def test_an_unreachable_redis_is_tried_at_intervals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wakeups, "RECONNECT_PAUSE_S", 0.2)
    site = QueueSite("redis://127.0.0.1:1/0")
    subscriptions = count_subscriptions(site, monkeypatch)
    site.start()
    await eventually(lambda: len(subscriptions) == 5)
    assert subscriptions[4] - subscriptions[0] > 0.75
    await site.close()
