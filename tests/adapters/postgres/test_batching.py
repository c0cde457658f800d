"""Many calls, one statement."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from jubilee.adapters.postgres.jobs.batching import CallBatcher
from jubilee.domain.errors import Unavailable

caller: ContextVar[str] = ContextVar("caller", default="nobody")


class Doubling:
    """Doubles numbers, a batch at a time; zero breaks it."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, numbers: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(numbers))
        await self.gate.wait()
        if 0 in numbers:
            raise Unavailable
        return [2 * number for number in numbers]


@pytest.fixture
async def doubling() -> Doubling:
    return Doubling()


@pytest.fixture
async def batched(doubling: Doubling) -> CallBatcher[int, int]:
    return CallBatcher(doubling, limit=3)


async def test_a_call_alone_waits_for_nobody(
    batched: CallBatcher[int, int], doubling: Doubling
) -> None:
    assert [await batched(1), await batched(2)] == [2, 4]
    assert doubling.batches == [[1], [2]]


async def test_calls_at_once_share_batches(
    batched: CallBatcher[int, int], doubling: Doubling
) -> None:
    answers = await asyncio.gather(*(batched(number) for number in (5, 1, 1, 2, 9)))
    assert answers == [10, 2, 2, 4, 18]
    assert doubling.batches == [[5, 1, 1], [2, 9]]


async def test_what_comes_during_a_batch_is_in_the_next(
    batched: CallBatcher[int, int], doubling: Doubling
) -> None:
    doubling.gate.clear()
    first = asyncio.create_task(batched(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(batched(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    doubling.gate.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6]
    assert doubling.batches == [[1], [2, 3]]


async def test_a_failure_is_everybodys_in_its_batch_and_nobody_elses(
    batched: CallBatcher[int, int],
) -> None:
    calls = (batched(number) for number in (1, 0, 2, 3))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(answer, Unavailable) for answer in answers] == [True, True, True, False]
    assert answers[3] == 6
    assert await batched(4) == 8


async def test_whoever_leaves_before_it_starts_is_not_asked_for(
    batched: CallBatcher[int, int], doubling: Doubling
) -> None:
    tasks = [asyncio.create_task(batched(number)) for number in (1, 2, 3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answers[0], answers[2]] == [2, 6]
    assert isinstance(answers[1], asyncio.CancelledError)
    assert doubling.batches == [[1, 3]]


@pytest.mark.parametrize("number", [0, 1])
async def test_whoever_leaves_meanwhile_takes_nobody_along(
    batched: CallBatcher[int, int], doubling: Doubling, number: int
) -> None:
    doubling.gate.clear()
    leaving, staying = (asyncio.create_task(batched(n)) for n in (number, 2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    doubling.gate.set()
    if number:
        assert await staying == 4
    else:
        with pytest.raises(Unavailable):
            await staying
    assert await batched(3) == 6


async def test_all_who_wait_alone_may_leave(
    batched: CallBatcher[int, int], doubling: Doubling
) -> None:
    task = asyncio.create_task(batched(1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert await batched(2) == 4
    assert doubling.batches == [[2]]


async def test_nobody_waits_for_ever_where_its_own_task_is_cancelled(
    batched: CallBatcher[int, int], doubling: Doubling
) -> None:
    doubling.gate.clear()
    tasks = [asyncio.create_task(batched(number)) for number in range(1, 6)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert batched._task is not None
    batched._task.cancel()
    done, _ = await asyncio.wait(tasks, timeout=1)
    assert [task.cancelled() for task in done] == [True] * 5
    doubling.gate.set()
    assert await batched(1) == 2


async def test_a_batch_is_not_run_in_the_name_of_who_came_first() -> None:
    async def callers(numbers: Sequence[int]) -> Sequence[str]:
        return [caller.get() for _ in numbers]

    caller.set("zoe")
    assert await CallBatcher(callers, limit=3)(1) == "nobody"


async def test_a_wrong_number_of_answers_is_an_error() -> None:
    async def none(_: Sequence[int]) -> Sequence[int]:
        return []

    with pytest.raises(ValueError, match="zip"):
        await CallBatcher(none, limit=3)(1)
