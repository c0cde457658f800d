"""Runbooks of the replica and of Redis, followed on real servers that are broken and mended."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from jubilee.adapters.embedded.postgres import EmbeddedPostgres
from tests.replication import Standby, run
from tests.servers import Servers, copy_data
from tests.support.api import NO_REDIS, Api, Starter, bearer, held_open, sign_up
from tests.support.folders import data_parent
from tests.support.redis_servers import RedisServer
from tests.support.running import eventually
from tests.system.alert_metrics import total
from tests.system.runbooks import code_of
from tests.system.watching import StartWorker, alerted, scrape, shown

LEFT_OUT, AWAY = "JubileeReplicaLeftOut", "JubileeRedisAway"
MAX_LAG_S = 1.0
REPORT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM greetings"
LOCK = "BEGIN; LOCK TABLE greetings; COMMIT"
"""What a migration does first; its replay waits for queries of the table."""


@dataclass(frozen=True, slots=True)
class Replicated:
    """A primary, its replica, and an API that reads lists from the replica."""

    folder: Path
    primary: EmbeddedPostgres
    replica: Standby
    api: Api

    @property
    def metrics(self) -> str:
        """What the API shows now."""
        return scrape(self.api.port)

    def enters(self, state: str) -> bool:
        """Return whether the panel shows this state, and the alert reads whether it serves."""
        assert shown(self.metrics, LEFT_OUT, "Replica: states") == 1
        serves = 1 if state == "serving" else 0
        return eventually(
            lambda: total(self.metrics, f'db_replica_state{{state="{state}"}}') == 1
        ) and set(alerted(self.metrics, LEFT_OUT).values()) == {serves}

    def logs(self, state: str) -> bool:
        """Return whether the log says that the replica is left out in this state."""
        line, state = code_of(LEFT_OUT, "replica is left out"), f"state={state}"
        return eventually(lambda: any(line in one and state in one for one in self.api.lines))

    def make_anew(self) -> None:
        """Copy the primary of today, and start the copy as its replica."""
        self.replica.stop()
        shutil.rmtree(self.folder / "replica")
        self.replica.follow(self.folder / "1")


async def ask(url: str, query: str) -> list[Any]:
    """Return the rows of an operator's query."""
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def replicated(
    prepared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replicated]:
    with ExitStack() as ends:
        root = Path(tempfile.mkdtemp(prefix="jubilee-replica-", dir=data_parent()))
        ends.callback(shutil.rmtree, root, ignore_errors=True)
        copy_data(prepared_data, root / "primary")
        primary = EmbeddedPostgres(root / "primary", root / "1", durable=False)
        ends.callback(primary.stop)
        primary.start()
        replica = Standby(root / "replica", root / "2", durable=False)
        ends.callback(replica.stop)
        replica.follow(root / "1")
        given = {"DATABASE_REPLICA_URL": replica.url, "REPLICA_MAX_LAG": str(MAX_LAG_S)}
        api = Api(tmp_path_factory.mktemp("api"), primary.url, NO_REDIS, **given)
        ends.callback(api.end)
        yield Replicated(root, primary, replica, api.ready())


@pytest.mark.follows("JubileeReplicaLeftOut")
async def test_a_long_query_that_holds_up_replay_is_found_and_ended(replicated: Replicated) -> None:
    assert replicated.enters("serving")
    activity = code_of(LEFT_OUT, "pg_stat_activity")
    end = f"SELECT pg_terminate_backend(pid) FROM {activity} WHERE state = 'idle in transaction'"
    async with held_open(replicated.replica.url, REPORT):
        await run(replicated.primary.url, LOCK)
        assert replicated.enters(code_of(LEFT_OUT, "lagging"))
        assert shown(replicated.metrics, LEFT_OUT, "Replica: lag") > MAX_LAG_S
        assert replicated.logs("lagging")
        assert len(await ask(replicated.primary.url, code_of(LEFT_OUT, "SELECT "))) == 1
        assert len(await ask(replicated.replica.url, end)) == 1
        assert replicated.enters("serving")


@pytest.mark.follows("JubileeReplicaLeftOut")
async def test_a_replica_that_is_down_is_taken_back_once_it_runs(replicated: Replicated) -> None:
    assert replicated.enters("serving")
    replicated.replica.stop()
    assert replicated.enters(code_of(LEFT_OUT, "unavailable"))
    assert replicated.logs("unavailable")
    assert await ask(replicated.primary.url, code_of(LEFT_OUT, "SELECT ")) == []
    replicated.replica.start()
    assert replicated.enters("serving")


@pytest.mark.follows("JubileeReplicaLeftOut")
async def test_a_promoted_replica_is_made_anew_from_the_primary(replicated: Replicated) -> None:
    assert replicated.enters("serving")
    await ask(replicated.replica.url, "SELECT pg_promote()")
    assert replicated.enters(code_of(LEFT_OUT, "promoted"))
    assert replicated.logs("promoted")
    replicated.make_anew()
    assert replicated.enters("serving")


@pytest.mark.follows("JubileeReplicaLeftOut")
def test_an_api_without_the_setting_has_no_series_for_the_alert(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    setting = code_of(LEFT_OUT, "DATABASE_REPLICA_URL")
    api = start_api(database_url, servers.redis_url, **{setting: None}).ready()
    assert "db_replica_state" not in scrape(api.port)


@pytest.fixture
def cached(start_api: Starter, redis: RedisServer, database_url: str) -> Api:
    """An API on that Redis."""
    return start_api(database_url, redis.url).ready()


def redis_up(api: Api) -> float:
    """Return what the alert reads after a sign-in, which writes to Redis."""
    guess = {"username": "eve", "password": "wrong"}
    with api.client() as client:
        assert client.post("/auth/token", data=guess).status_code in {400, 429}
    (value,) = alerted(scrape(api.port), AWAY).values()
    return value


def names(api: Api, cause: str) -> bool:
    """Return whether the log says why Redis does not answer."""
    line, why = code_of(AWAY, "Redis does not"), f"{code_of(AWAY, 'cause')}='{cause}'"
    return eventually(lambda: any(line in one and why in one for one in api.lines))


@pytest.mark.follows("JubileeRedisAway")
async def test_requests_are_answered_without_redis_and_tasks_run_once_it_is_back_without_data(
    cached: Api, redis: RedisServer, start_worker: StartWorker
) -> None:
    start_worker(REDIS_URL=redis.url)
    with cached.client() as client:
        zoe = bearer(sign_up(client, "zoe"))
        assert redis_up(cached) == 1
        redis.kill()
        assert eventually(lambda: redis_up(cached) == 0)
        assert names(cached, "connection refused")
        task = client.post("/tasks", json={"data": {}}, headers=zoe).json()["id"]
        waiting = client.get(f"/tasks/{task}", headers=zoe).json()
        assert waiting["status"] == "queued"
        redis.start_again()
        assert eventually(lambda: redis_up(cached) == 1)
        ended = client.get(f"/tasks/{task}?wait=20", headers=zoe, timeout=30).json()
        assert ended["status"] == "succeeded"
        assert client.get("/users/me", headers=zoe).status_code == 200


@pytest.mark.follows("JubileeRedisAway")
def test_a_full_redis_is_named_and_used_again_once_it_has_room(
    cached: Api, redis: RedisServer
) -> None:
    setting = code_of(AWAY, "maxmemory")
    assert redis_up(cached) == 1
    redis.ask("CONFIG", "SET", setting, 1)
    assert eventually(lambda: redis_up(cached) == 0)
    assert names(cached, "its memory is full")
    redis.ask("CONFIG", "SET", setting, 0)
    assert eventually(lambda: redis_up(cached) == 1)
