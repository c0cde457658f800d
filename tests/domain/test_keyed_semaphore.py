"""A semaphore for each key: holders, requests that wait, and requests that are refused."""

import asyncio

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.keyed_semaphore import KeyedSemaphore


@pytest.fixture
def semaphore() -> KeyedSemaphore:
    return KeyedSemaphore(2, max_waiting=3)


async def soon(semaphore: KeyedSemaphore, key: str) -> "asyncio.Task[None]":
    """Start to acquire, and let the task run as far as it can."""
    task = asyncio.create_task(semaphore.acquire(key))
    await asyncio.sleep(0)
    return task


async def test_the_holders_of_a_key_leave_other_keys_alone(semaphore: KeyedSemaphore) -> None:
    held = [await soon(semaphore, "zoe") for _ in range(3)]
    assert [task.done() for task in held] == [True, True, False]
    assert (await soon(semaphore, "max")).done()


async def test_waiting_requests_of_a_key_are_served_in_order(semaphore: KeyedSemaphore) -> None:
    tasks = [await soon(semaphore, "zoe") for _ in range(5)]
    for served in (3, 4, 5):
        semaphore.release("zoe")
        await asyncio.sleep(0)
        assert [task.done() for task in tasks] == [number < served for number in range(5)]


async def test_a_request_beyond_the_waiting_ones_is_refused_at_once(
    semaphore: KeyedSemaphore,
) -> None:
    tasks = [await soon(semaphore, "zoe") for _ in range(5)]
    assert sum(task.done() for task in tasks) == 2
    with pytest.raises(Unavailable):
        await semaphore.acquire("zoe")
    await semaphore.acquire("max")


@pytest.mark.parametrize("is_served", [True, False])
async def test_a_cancelled_request_lets_the_next_one_continue(
    semaphore: KeyedSemaphore, is_served: bool
) -> None:
    tasks = [await soon(semaphore, "zoe") for _ in range(4)]
    if is_served:
        semaphore.release("zoe")
    tasks[2].cancel()
    await asyncio.sleep(0)
    if not is_served:
        semaphore.release("zoe")
    await asyncio.sleep(0)
    assert (tasks[2].cancelled(), tasks[3].done()) == (True, True)


async def test_a_cancelled_request_makes_room_for_another_to_wait(
    semaphore: KeyedSemaphore,
) -> None:
    tasks = [await soon(semaphore, "zoe") for _ in range(5)]
    tasks[2].cancel()
    await asyncio.sleep(0)
    waiting = await soon(semaphore, "zoe")
    assert not waiting.done()
    with pytest.raises(Unavailable):
        await semaphore.acquire("zoe")


async def test_nothing_is_kept_of_keys_without_requests(semaphore: KeyedSemaphore) -> None:
    tasks = [await soon(semaphore, "zoe") for _ in range(4)]
    for _ in tasks:
        semaphore.release("zoe")
        await asyncio.sleep(0)
    assert (semaphore._held, semaphore._waiters) == ({}, {})
