"""The kind of task that says what it was told."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from jubilee.domain.jobs.kinds import JobContext
from jubilee.domain.tasks.echo import Echo
from tests.fakes.store import fresh_id


async def test_an_echo_ends_with_what_it_was_told() -> None:
    ends: list[Mapping[str, object] | None] = []

    @asynccontextmanager
    async def finish(result: Mapping[str, object] | None = None) -> AsyncIterator[object]:
        ends.append(result)
        yield None

    echo, data = Echo(), {"n": [1, None]}
    claim = JobContext(
        id=fresh_id(),
        epoch=1,
        attempt=1,
        owner_id=None,
        by_admin=False,
        payload=echo.read(data),
        report=_unheard,
    )
    await echo.run(claim, finish)
    assert ends == [data]


async def _unheard(_: Mapping[str, object]) -> None:
    raise AssertionError
