"""How long statements take, as it is observed."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.observation.storage import StatementInfo

GOOD = Statement.from_sql("SELECT pg_sleep(0.01)")
BAD = Statement.from_sql("SELECT 1 / 0 FROM pg_sleep(0.01)")

Way: TypeAlias = Callable[[Executor, Statement], Awaitable[object]]


async def each(executor: Executor, statement: Statement) -> None:
    await executor.each(statement, [{}])


@pytest.mark.parametrize("way", [Executor.all, Executor.first, each, Executor.command])
@pytest.mark.parametrize("statement", [GOOD, BAD])
async def test_a_statement_is_observed_once_with_its_duration(
    pool: ConnectionPool, way: Way, statement: Statement
) -> None:
    seen = list[tuple[str, float, bool]]()

    def observe(info: StatementInfo, seconds: float, error: BaseException | None) -> None:
        seen.append((info.display, seconds, error is not None))

    async with pool.connection() as driver:
        if statement is GOOD:
            await way(Executor(driver, observe), statement)
        else:
            with pytest.raises(Exception, match="division by zero"):
                await way(Executor(driver, observe), statement)
    [(display, seconds, failed)] = seen
    assert (display, failed) == (statement.display, statement is BAD)
    assert 0 < seconds < 10
