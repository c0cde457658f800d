"""Tasks of the process: awaited at its end, with failures logged."""

import asyncio
import logging

import pytest

from jubilee.bootstrap import background_tasks as background_tasks_module
from jubilee.bootstrap.background_tasks import background_tasks


async def test_tasks_have_ended_after_the_block() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            ended.append("cleaned up")

    before = asyncio.all_tasks()
    async with background_tasks(work, work, cancel_s=5):
        await asyncio.sleep(0)
    assert ended == ["cleaned up"] * 2
    assert asyncio.all_tasks() <= before


async def test_a_task_that_ignores_cancellation_is_abandoned() -> None:
    released = asyncio.Event()

    async def ignore_cancellation() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    async with asyncio.timeout(2):
        async with background_tasks(ignore_cancellation, cancel_s=0.1):
            await asyncio.sleep(0)
    assert not released.is_set()
    released.set()
    await asyncio.sleep(0.01)


async def test_a_failing_task_is_logged_and_others_continue(
    caplog: pytest.LogCaptureFixture,
) -> None:
    turns = 0

    async def fail() -> None:
        raise ZeroDivisionError

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.01)

    async with background_tasks(fail, count, cancel_s=1):
        await asyncio.sleep(0.1)
        (line,) = caplog.records
        assert (line.message, line.levelno) == ("background task failed", logging.ERROR)
        assert line.exc_info is not None
        assert line.exc_info[0] is ZeroDivisionError
        assert turns > 1


async def test_a_failed_task_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_tasks_module, "RESTART_PAUSE_S", 0)
    runs, running_on = 0, asyncio.Event()

    async def fail_twice() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ZeroDivisionError
        running_on.set()
        await asyncio.sleep(60)

    async with background_tasks(fail_twice, cancel_s=5):
        await asyncio.wait_for(running_on.wait(), 10)
    assert runs == 3


async def test_a_task_that_returns_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_tasks_module, "RESTART_PAUSE_S", 0)
    runs = 0

    async def return_at_once() -> None:
        nonlocal runs
        runs += 1

    before = asyncio.all_tasks()
    async with background_tasks(return_at_once, cancel_s=5):
        for _ in range(5):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() <= before
    assert runs == 1


async def test_a_task_that_fails_at_its_end_is_not_begun_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail_to_close() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError

    before = asyncio.all_tasks()
    async with background_tasks(fail_to_close, cancel_s=5):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before
    assert [line.message for line in caplog.records] == ["background task failed"]
