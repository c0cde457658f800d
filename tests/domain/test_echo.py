"""The kind `echo`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from jubilee.adapters.ids import new_id
from jubilee.domain.jobs.kinds import JobContext
from jubilee.domain.tasks.echo import Echo


async def test_the_result_of_an_echo_is_its_payload() -> None:
    results: list[Mapping[str, object] | None] = []

    @asynccontextmanager
    async def complete(result: Mapping[str, object] | None = None) -> AsyncIterator[object]:
        results.append(result)
        yield None

    echo, data = Echo(), {"n": [1, None]}
    context = JobContext(
        id=new_id(),
        epoch=1,
        attempt=1,
        owner_id=None,
        by_admin=False,
        payload=echo.read(data),
        report=_refuse_progress,
    )
    await echo.run(context, complete)
    assert results == [data]


async def _refuse_progress(_: Mapping[str, object]) -> None:
    raise AssertionError
