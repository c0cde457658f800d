"""Shared places, of which one key can hold only some."""

import asyncio

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.places import FairPlaces


@pytest.fixture
def places() -> FairPlaces:
    return FairPlaces(2, max_waiting=3)


async def soon(places: FairPlaces, key: str) -> "asyncio.Task[None]":
    """Start to acquire a place, and let the task run as far as it can."""
    task = asyncio.create_task(places.acquire(key))
    await asyncio.sleep(0)
    return task


async def test_a_key_holds_its_places_and_leaves_those_of_others(places: FairPlaces) -> None:
    held = [await soon(places, "zoe") for _ in range(3)]
    assert [task.done() for task in held] == [True, True, False]
    assert (await soon(places, "max")).done()


async def test_waiting_requests_of_a_key_are_served_in_order(places: FairPlaces) -> None:
    tasks = [await soon(places, "zoe") for _ in range(5)]
    for served in (3, 4, 5):
        places.release("zoe")
        await asyncio.sleep(0)
        assert [task.done() for task in tasks] == [number < served for number in range(5)]


async def test_a_full_line_is_refused_at_once(places: FairPlaces) -> None:
    tasks = [await soon(places, "zoe") for _ in range(5)]
    assert sum(task.done() for task in tasks) == 2
    with pytest.raises(Unavailable):
        await places.acquire("zoe")
    await places.acquire("max")


@pytest.mark.parametrize("is_served", [True, False])
async def test_a_cancelled_request_leaves_its_place_to_the_next(
    places: FairPlaces, is_served: bool
) -> None:
    tasks = [await soon(places, "zoe") for _ in range(4)]
    if is_served:
        places.release("zoe")
    tasks[2].cancel()
    await asyncio.sleep(0)
    if not is_served:
        places.release("zoe")
    await asyncio.sleep(0)
    assert (tasks[2].cancelled(), tasks[3].done()) == (True, True)


async def test_a_cancelled_request_makes_room_in_the_line(places: FairPlaces) -> None:
    tasks = [await soon(places, "zoe") for _ in range(5)]
    tasks[2].cancel()
    await asyncio.sleep(0)
    waiting = await soon(places, "zoe")
    assert not waiting.done()
    with pytest.raises(Unavailable):
        await places.acquire("zoe")


async def test_nothing_is_kept_of_keys_without_requests(places: FairPlaces) -> None:
    tasks = [await soon(places, "zoe") for _ in range(4)]
    for _ in tasks:
        places.release("zoe")
        await asyncio.sleep(0)
    assert (places._held, places._lines) == ({}, {})
