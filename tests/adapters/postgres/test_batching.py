"""Batching concurrent calls into one."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from jubilee.adapters.postgres.jobs.batching import CallBatcher
from jubilee.domain.errors import Unavailable

caller: ContextVar[str] = ContextVar("caller", default="unset")


class DoublingBatch:
    """Double a batch of numbers; raise Unavailable if it contains zero."""

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
async def doubler() -> DoublingBatch:
    return DoublingBatch()


@pytest.fixture
async def batched(doubler: DoublingBatch) -> CallBatcher[int, int]:
    return CallBatcher(doubler, limit=3)


async def test_a_single_call_is_run_at_once(
    batched: CallBatcher[int, int], doubler: DoublingBatch
) -> None:
    assert [await batched(1), await batched(2)] == [2, 4]
    assert doubler.batches == [[1], [2]]


async def test_concurrent_calls_share_batches(
    batched: CallBatcher[int, int], doubler: DoublingBatch
) -> None:
    answers = await asyncio.gather(*(batched(number) for number in (5, 1, 1, 2, 9)))
    assert answers == [10, 2, 2, 4, 18]
    assert doubler.batches == [[5, 1, 1], [2, 9]]


async def test_calls_during_a_batch_are_in_the_next(
    batched: CallBatcher[int, int], doubler: DoublingBatch
) -> None:
    doubler.gate.clear()
    first = asyncio.create_task(batched(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(batched(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    doubler.gate.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6]
    assert doubler.batches == [[1], [2, 3]]


async def test_a_failure_affects_only_its_batch(
    batched: CallBatcher[int, int],
) -> None:
    calls = (batched(number) for number in (1, 0, 2, 3))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(answer, Unavailable) for answer in answers] == [True, True, True, False]
    assert answers[3] == 6
    assert await batched(4) == 8


async def test_a_call_cancelled_before_the_batch_is_left_out(
    batched: CallBatcher[int, int], doubler: DoublingBatch
) -> None:
    tasks = [asyncio.create_task(batched(number)) for number in (1, 2, 3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answers[0], answers[2]] == [2, 6]
    assert isinstance(answers[1], asyncio.CancelledError)
    assert doubler.batches == [[1, 3]]


@pytest.mark.parametrize("number", [0, 1])
async def test_a_call_cancelled_during_the_batch_does_not_affect_others(
    batched: CallBatcher[int, int], doubler: DoublingBatch, number: int
) -> None:
    doubler.gate.clear()
    leaving, staying = (asyncio.create_task(batched(n)) for n in (number, 2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    doubler.gate.set()
    if number:
        assert await staying == 4
    else:
        with pytest.raises(Unavailable):
            await staying
    assert await batched(3) == 6


async def test_a_batch_of_cancelled_calls_is_not_run(
    batched: CallBatcher[int, int], doubler: DoublingBatch
) -> None:
    task = asyncio.create_task(batched(1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert await batched(2) == 4
    assert doubler.batches == [[2]]


async def test_cancelling_the_batchs_task_cancels_its_calls(
    batched: CallBatcher[int, int], doubler: DoublingBatch
) -> None:
    doubler.gate.clear()
    tasks = [asyncio.create_task(batched(number)) for number in range(1, 6)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert batched._task is not None
    batched._task.cancel()
    done, _ = await asyncio.wait(tasks, timeout=1)
    assert [task.cancelled() for task in done] == [True] * 5
    doubler.gate.set()
    assert await batched(1) == 2


async def test_a_batch_does_not_run_in_the_context_of_the_first_caller() -> None:
    async def callers(numbers: Sequence[int]) -> Sequence[str]:
        return [caller.get() for _ in numbers]

    caller.set("zoe")
    assert await CallBatcher(callers, limit=3)(1) == "unset"


async def test_a_wrong_number_of_answers_is_an_error() -> None:
    async def none(_: Sequence[int]) -> Sequence[int]:
        return []

    with pytest.raises(ValueError, match="zip"):
        await CallBatcher(none, limit=3)(1)
