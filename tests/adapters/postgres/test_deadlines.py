"""Deadlines that share a timer."""

import asyncio
from time import monotonic

import pytest

from jubilee.adapters.postgres.deadlines import Deadline, Deadlines


async def use(deadlines: Deadlines, at: float) -> str:
    """Wait for longer than any test; say why the wait ended."""
    deadline = Deadline(at)
    deadlines.add(deadline)
    error: BaseException | None = None
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError as cancelled:
        error = cancelled
    deadlines.remove(deadline)
    return "deadline" if deadline.explains(error) else "cancelled"


async def test_deadlines_pass_in_their_order_whatever_the_order_of_the_uses() -> None:
    deadlines, passed = Deadlines(), list[float]()

    async def end(after_s: float) -> None:
        assert await use(deadlines, monotonic() + after_s) == "deadline"
        passed.append(after_s)

    await asyncio.gather(*(end(after_s) for after_s in (2.0, 0.02, 1.0)))
    assert passed == [0.02, 1.0, 2.0]


async def test_a_cancellation_from_elsewhere_is_none_of_the_deadline() -> None:
    task = asyncio.create_task(use(Deadlines(), monotonic() + 60))
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "cancelled"


async def test_a_task_that_was_cancelled_as_well_stays_cancelled() -> None:
    deadlines = Deadlines()
    task = asyncio.create_task(use(deadlines, monotonic() - 1))
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "cancelled"


async def test_a_use_that_ended_in_time_is_not_cancelled() -> None:
    deadlines = Deadlines()
    deadline = Deadline(monotonic() + 0.01)
    deadlines.add(deadline)
    deadlines.remove(deadline)
    await asyncio.sleep(0.05)
    assert not deadline.is_over


@pytest.mark.parametrize("ends", [0.0, -5.0])
async def test_a_deadline_in_the_past_passes_at_once(ends: float) -> None:
    assert await asyncio.wait_for(use(Deadlines(), monotonic() + ends), 10) == "deadline"


@pytest.mark.parametrize(
    ("error", "explained"), [(asyncio.CancelledError(), True), (ValueError(), False), (None, False)]
)
async def test_a_deadline_explains_a_cancellation_alone(
    error: BaseException | None, explained: bool
) -> None:
    deadline = Deadline(monotonic())
    deadline.expire()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    assert deadline.explains(error) is explained


async def test_a_deadline_does_not_explain_the_end_of_a_task_that_was_cancelled_as_well() -> None:
    deadline = Deadline(monotonic())
    deadline.expire()
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await asyncio.sleep(0)
    assert not deadline.explains(cancelled.value)
    task.uncancel()
