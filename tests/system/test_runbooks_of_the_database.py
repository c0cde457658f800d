"""Runbooks of PostgreSQL, its connections and its statements, followed on a private server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import httpx2
import pytest

from jubilee.adapters.postgres.statement import Driver
from tests.monitoring.promql import SELECTOR
from tests.support.api import (
    PASSWORD,
    Api,
    Starter,
    held_open,
    lock_name_zoe,
    run,
    starter,
    wait_for_lock_wait,
)
from tests.support.outages import OwnServers
from tests.support.running import eventually
from tests.system.alert_metrics import Growth, panel, rules, selectors, total
from tests.system.database_states import (
    LOCK_BIRTHDAYS,
    all_connections_taken,
    changed_password,
    killed_server,
    missing_standby,
)
from tests.system.following import comes_true, logged, shell
from tests.system.runbooks import code_of

BORN = {"dateOfBirth": "1990-02-28"}
SLOW_S = 0.1  # SLOW_QUERY_MS of the API, in seconds
FLUSH = "SELECT pg_stat_force_next_flush()"
DEAD_TUPLES = """
    ALTER TABLE counters SET (autovacuum_enabled = false);
    INSERT INTO counters (name, value) SELECT 'dead ' || i, 0 FROM generate_series(1, 1000) i;
    DELETE FROM counters WHERE name LIKE 'dead %';
"""

Outage: TypeAlias = Callable[[OwnServers, Driver], AbstractAsyncContextManager[None]]


@pytest.fixture(scope="module")
def api(pair: OwnServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API with a single connection."""
    settings = {"DATABASE_POOL_SIZE": "1", "SLOW_QUERY_MS": str(int(SLOW_S * 1000))}
    for start in starter(tmp_path_factory.mktemp("api")):
        yield start(pair.database_url, pair.redis_url, LOG_FORMAT="json", **settings).ready()


@asynccontextmanager
async def clients_of(api: Api) -> AsyncIterator[httpx2.AsyncClient]:
    """Requests that run beside each other; the name Zoe is saved."""
    async with httpx2.AsyncClient(base_url=api.url, timeout=60) as client:
        assert (await client.put("/hello/Zoe", json=BORN)).status_code == 204
        yield client


@pytest.mark.follows("JubileeDatabaseConnectionsFail")
@pytest.mark.parametrize(
    ("outage", "cause"),
    [
        (all_connections_taken, "too many clients"),
        (changed_password, "wrong password"),
        (killed_server, "no such socket"),
    ],
    ids=["full", "password", "down"],
)
async def test_an_outage_is_counted_and_named_and_over_once_postgresql_is_restored(
    pair: OwnServers, api: Api, pair_driver: Driver, outage: Outage, cause: str
) -> None:
    alert = "JubileeDatabaseConnectionsFail"
    (failures,) = selectors(rules()[alert])
    cause, growth = code_of(alert, cause), Growth(api.url)
    look = code_of(alert, "jubilee status").split()[1:]
    async with outage(pair, pair_driver):
        answers = [api.ask(path) for path in ("/hello/Zoe",) * 4 + ("/health/ready",)]
        assert {answer.status_code for answer in answers} == {503}
        assert all(code_of(alert, "Retry-After") in answer.headers for answer in answers[:4])
        assert growth.of(failures) > 3
        lines = logged(api, code_of(alert, "PostgreSQL cannot"))
        assert cause in lines[-1]["cause"]
        said = run(api.at, *look, **api.urls).stdout
        assert "NOT READY" in said
        assert cause in said
    assert eventually(api.is_ready)
    growth = Growth(api.url)
    assert {api.ask("/hello/Unknown").status_code for _ in range(4)} == {404}
    assert growth.of(failures) == 0


@pytest.mark.follows("JubileeDatabaseConnectionsFail")
async def test_pools_larger_than_max_connections_are_reported_until_they_are_lowered(
    pair: OwnServers, start_api: Starter, pair_driver: Driver
) -> None:
    alert = "JubileeDatabaseConnectionsFail"
    look, size = code_of(alert, "jubilee status"), code_of(alert, "DATABASE_POOL_SIZE")
    most = int(await pair_driver.fetchval(f"SHOW {code_of(alert, 'max_connections')}"))
    large = start_api(pair.database_url, pair.redis_url, **{size: str(most)}).ready()
    assert eventually(lambda: f"lower {size}" in large.output)
    assert f"lower {size}" in await shell(large.at, look, large.urls)
    large.end()
    small = start_api(pair.database_url, pair.redis_url, **{size: "5"}).ready()
    assert f"lower {size}" not in await shell(small.at, look, small.urls)
    assert f"lower {size}" not in small.output


@pytest.mark.follows("JubileePoolSaturated")
async def test_a_full_pool_leads_to_the_session_that_holds_a_lock(
    pair: OwnServers, api: Api, pair_driver: Driver
) -> None:
    alert, growth = "JubileePoolSaturated", Growth(api.url)
    used, most, waits = SELECTOR.findall(rules()[alert])

    def share() -> float:
        text = growth.scraped()
        return total(text, used) / total(text, most)

    async with clients_of(api) as client, lock_name_zoe(pair.database_url) as other:
        saving = asyncio.create_task(client.put("/hello/Zoe", json=BORN))
        await wait_for_lock_wait(pair_driver)
        waiting = asyncio.create_task(client.get("/hello/Mia"))
        await asyncio.sleep(2 * SLOW_S)
        assert await asyncio.to_thread(eventually, lambda: share() > 0.9)
        (found,) = await pair_driver.fetch(code_of(alert, "SELECT "))
        assert found["blocked_by"] == [other.get_server_pid()]
        end = code_of(alert, "pg_terminate_backend")
        await pair_driver.execute(f"SELECT {end}({found['blocked_by'][0]})")
        assert [(await each).status_code for each in (saving, waiting)] == [204, 404]
    assert growth.share_above(0.1, waits) > 0.05
    (statements,) = selectors(panel(alert, "Statements, p95"))
    assert growth.share_above(SLOW_S, statements) > 0
    assert await asyncio.to_thread(eventually, lambda: share() == 0)


@pytest.mark.follows("JubileePoolSaturated")
async def test_a_larger_pool_answers_while_a_connection_waits(
    pair: OwnServers, start_api: Starter, pair_driver: Driver
) -> None:
    size = code_of("JubileePoolSaturated", "DATABASE_POOL_SIZE")
    large = start_api(pair.database_url, pair.redis_url, **{size: "5"}).ready()
    async with clients_of(large) as client:
        async with lock_name_zoe(pair.database_url):
            saving = asyncio.create_task(client.put("/hello/Zoe", json=BORN))
            await wait_for_lock_wait(pair_driver)
            assert (await client.get("/hello/Mia")).status_code == 404
            assert not saving.done()
        assert (await saving).status_code == 204


def adds_nothing(api: Api, slow: str) -> bool:
    """Return whether a request runs without a slow statement; a busy machine may slow some."""
    growth = Growth(api.url)
    assert api.ask("/hello/Zoe").status_code == 200
    return growth.of(slow) == 0


@pytest.mark.follows("JubileeStatementsSlow")
async def test_statements_are_quick_again_once_the_longest_transaction_has_ended(
    pair: OwnServers, api: Api, pair_driver: Driver
) -> None:
    alert, growth = "JubileeStatementsSlow", Growth(api.url)
    slow, every, _ = SELECTOR.findall(rules()[alert])
    async with clients_of(api) as client, held_open(pair.database_url, LOCK_BIRTHDAYS) as other:
        asked = asyncio.create_task(client.get("/hello/Zoe"))
        await wait_for_lock_wait(pair_driver)
        await asyncio.sleep(SLOW_S)
        oldest = (await pair_driver.fetch(code_of(alert, "SELECT ")))[0]["pid"]
        assert oldest == other.get_server_pid()
        await pair_driver.execute(f"SELECT {code_of(alert, 'pg_terminate_backend')}({oldest})")
        assert (await asked).status_code == 200
        assert growth.of(slow) / growth.of(every) > 0.01
    assert eventually(lambda: adds_nothing(api, slow))


@pytest.mark.follows("JubileeStatementsSlow")
async def test_a_slow_statement_is_logged_without_values_and_can_be_explained_with_them(
    pair: OwnServers, api: Api, pair_driver: Driver
) -> None:
    alert = "JubileeStatementsSlow"
    async with clients_of(api) as client:
        async with held_open(pair.database_url, LOCK_BIRTHDAYS):
            asked = asyncio.create_task(client.get("/hello/Zoe"))
            await wait_for_lock_wait(pair_driver)
            await asyncio.sleep(SLOW_S)
        assert (await asked).status_code == 200
    lines = logged(api, code_of(alert, "slow statement"))
    *_, sql = (line[code_of(alert, "sql")] for line in lines if "birthdays" in line["sql"])
    assert "zoe" not in sql.casefold()
    plan = await pair_driver.fetch(f"{code_of(alert, 'EXPLAIN ')} {sql}", ["zoe"])
    assert "Buffers" in str(plan)


@pytest.mark.follows("JubileeStatementsSlow")
async def test_dead_tuples_of_a_table_are_found_and_vacuumed(pair_driver: Driver) -> None:
    alert, table = "JubileeStatementsSlow", "WHERE relname = 'counters'"
    look = f"SELECT * FROM {code_of(alert, 'pg_stat_user_tables')} {table}"
    await pair_driver.execute(DEAD_TUPLES)
    await pair_driver.execute(FLUSH)
    (before,) = await pair_driver.fetch(look)
    assert before["n_dead_tup"] >= 1000
    await pair_driver.execute(f"{code_of(alert, 'VACUUM')} counters")
    await pair_driver.execute(FLUSH)
    (after,) = await pair_driver.fetch(look)
    assert after["n_dead_tup"] == 0
    assert after["last_vacuum"] != before["last_vacuum"]


@pytest.mark.follows("JubileeStatementsSlow")
async def test_a_slow_commit_leads_to_the_standby_that_it_waits_for(
    api: Api, pair_driver: Driver
) -> None:
    alert, growth = "JubileeStatementsSlow", Growth(api.url)
    event, value = code_of(alert, "wait_event"), code_of(alert, "SyncRep")
    waits = f"SELECT count(*) FROM pg_stat_activity WHERE {event} = '{value}'"
    form = {"email": "ada@example.com", "username": "ada", "password": PASSWORD}
    async with httpx2.AsyncClient(base_url=api.url, timeout=60) as client:
        async with missing_standby(pair_driver, code_of(alert, "synchronous_standby_names")):
            saving = asyncio.create_task(client.post("/users", json=form))
            assert await comes_true(lambda: pair_driver.fetchval(waits))
            await asyncio.sleep(SLOW_S)
        assert (await saving).status_code == 201
    assert growth.of(SELECTOR.findall(rules()[alert])[0]) > 0
    assert code_of(alert, "COMMIT") in [line["sql"] for line in logged(api, "slow statement")]
