"""How long statements take, as it is observed."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.observation.storage import StatementInfo

GOOD = Statement.from_sql("SELECT pg_sleep(0.01)")
BAD = Statement.from_sql("SELECT 1 / length(CAST(pg_sleep(0.01) AS text))")

Way: TypeAlias = Callable[[Executor, Statement], Awaitable[object]]


async def each(executor: Executor, statement: Statement) -> None:
    await executor.each(statement, [{}])


@pytest.mark.parametrize("way", [Executor.all, Executor.first, each, Executor.command])
@pytest.mark.parametrize("sql", [GOOD, BAD])
async def test_a_statement_is_observed_once_with_its_duration(
    pool: ConnectionPool, way: Way, sql: Statement
) -> None:
    seen = list[tuple[str, float, bool]]()

    def observe(statement: StatementInfo, seconds: float, error: BaseException | None) -> None:
        seen.append((statement.display, seconds, error is not None))

    async with pool.connection() as driver:
        if sql is GOOD:
            await way(Executor(driver, observe), sql)
        else:
            with pytest.raises(Exception, match="division by zero"):
                await way(Executor(driver, observe), sql)
    [(display, seconds, failed)] = seen
    assert (display, failed) == (sql.display, sql is BAD)
    assert 0.01 <= seconds < 60
