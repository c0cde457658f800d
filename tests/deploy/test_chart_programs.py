"""deploy/chart: the programs of its pods run here: wait, migration, test, and KEDA's queries."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.deploy.chart import DEFAULTS, Object, containers, pods, releases
from tests.deploy.conftest import START_S, eventually
from tests.servers import Servers, fresh_database
from tests.support.api import NO_MAIL, NO_REDIS, NOWHERE, Starter, starter
from tests.support.running import Up

BIN = Path(sys.executable).parent
SECRETS = "/run/secrets/jubilee"
KEY = "for-tests-alone-0123456789-0123456789-0123456789"


@pytest.fixture
def start_api(tmp_path: Path) -> Iterator[Starter]:
    """Start `jubilee api` with two URLs and settings; each process ends with the test."""
    yield from starter(tmp_path)


@pytest.fixture
async def empty(servers: Servers) -> AsyncIterator[str]:
    """The URL of an empty database."""
    async with fresh_database(servers) as url:
        yield url


def _run(container: Object, at: Path, secrets: Mapping[str, str]) -> tuple[int, str]:
    """Run a container's command here, with its variables and these secrets; code and output."""
    for name, value in secrets.items():
        (at / name).write_text(value)
    files = {each["name"]: each["value"] for each in container.get("env", ())}
    settings = releases()[DEFAULTS].one("ConfigMap", "jubilee")["data"]
    ended = subprocess.run(
        [*container.get("command", ["jubilee"]), *container["args"]],
        env={
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            **settings,
            **{name: value.replace(SECRETS, str(at)) for name, value in files.items()},
        },
        cwd=at,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def _waiting(seconds: int) -> Object:
    """Return the init container of a worker, which waits for so long."""
    (wait,) = releases()[DEFAULTS].pod("worker")["initContainers"]
    return {**wait, "args": [*wait["args"][:-1], str(seconds)]}


def test_a_pod_waits_until_the_job_has_migrated(empty: str, tmp_path: Path) -> None:
    secrets = {"SECRET_KEY": KEY, "DATABASE_URL": empty}
    code, said = _run(_waiting(1), tmp_path, {**secrets, "REDIS_URL": NO_REDIS})
    assert code == 1
    assert "NOT READY" in said
    (job,) = releases()[DEFAULTS].all("Job")
    (migrate,) = job["spec"]["template"]["spec"]["containers"]
    (tmp_path / "REDIS_URL").unlink()  # it is not asked of a migration
    assert _run(migrate, tmp_path, secrets)[0] == 0
    code, said = _run(_waiting(60), tmp_path, {**secrets, "REDIS_URL": NO_REDIS})
    assert code == 0, said


def test_a_pod_without_a_database_waits_and_says_why(tmp_path: Path) -> None:
    secrets = {"SECRET_KEY": KEY, "DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS}
    code, said = _run(_waiting(1), tmp_path, secrets)
    assert code == 1
    assert "NOT READY" in said


def test_a_pod_with_a_wrong_setting_does_not_wait(tmp_path: Path) -> None:
    secrets = {"SECRET_KEY": "short", "DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS}
    code, said = _run(_waiting(600), tmp_path, secrets)
    assert code == 78
    assert "SECRET_KEY" in said


def _greeter(url: str) -> Object:
    (pod,) = (each for each in pods(releases()[DEFAULTS]) if "greet" in str(each["containers"]))
    (container,) = containers(pod)
    assert container["args"][1] == "http://jubilee-api:80"
    return {**container, "args": [container["args"][0], url, container["args"][2]]}


@pytest.mark.parametrize(
    ("allowed", "said"),
    [("create", ("answered 403", "Hello, Helmtest! ")), ("off", ("answered 401", "answered 404"))],
)
def test_helm_test_greets_a_person_as_far_as_it_is_allowed(
    start_api: Starter, database_url: str, tmp_path: Path, allowed: str, said: Any
) -> None:
    api = start_api(database_url, NO_REDIS, HELLO_ANONYMOUS=allowed).ready()
    ended = [_run(_greeter(api.url), tmp_path, {}) for _ in range(2)]
    assert [code for code, _ in ended] == [0, 0]
    assert all(words in ended[-1][1] for words in said)


def test_helm_test_fails_without_a_database(start_api: Starter, tmp_path: Path) -> None:
    api = start_api(NOWHERE, NO_REDIS).live()
    code, said = _run(_greeter(api.url), tmp_path, {})
    assert (code, said) == (1, "PUT /hello/Helmtest answered 503\n")


def test_a_pod_of_development_starts_again_when_its_process_ends(
    servers: Servers, database_url: str, tmp_path: Path
) -> None:
    (api,) = releases()["local"].pod("api")["containers"]
    script, *names = api["args"]
    own = script.replace("/tmp/", f"{tmp_path}/")
    command = (*api["command"], own, *names)
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    urls = {"DATABASE_URL": database_url, "REDIS_URL": servers.redis_url, "PATH": path}
    loop = Up(tmp_path / "data", tmp_path, command, **urls, SMTP_URL=NO_MAIL)
    try:
        assert eventually(loop.is_live), loop.output
        first = (tmp_path / "pid").read_text()
        os.kill(int(first), signal.SIGTERM)
        assert eventually(lambda: (tmp_path / "pid").read_text() not in ("", first)), loop.output
        assert eventually(loop.is_live), loop.output
    finally:
        loop.process.terminate()
        assert loop.process.wait(60) == 0


async def test_keda_counts_the_due_jobs_and_the_age_of_the_oldest(database_url: str) -> None:
    triggers = releases()["production"].one("ScaledObject", "jubilee-worker")["spec"]["triggers"]
    queries = {each["name"]: each["metadata"]["query"] for each in triggers}
    connection = await asyncpg.connect(database_url)
    try:
        found = [await connection.fetchval(queries[name]) for name in ("due-jobs", "due-age")]
        assert found == [0, 0]
        for due in ("-90 seconds", "-1 second", "1 hour"):
            job = await connection.fetchval("SELECT jubilee.enqueue('echo')")
            late = "UPDATE jobs SET run_at = now() + $2::text::interval WHERE id = $1"
            await connection.execute(late, job, due)
        assert await connection.fetchval(queries["due-jobs"]) == 2
        assert 90 <= await connection.fetchval(queries["due-age"]) < 900
    finally:
        await connection.close()


async def test_the_queries_of_keda_read_an_index(database_url: str) -> None:
    triggers = releases()["production"].one("ScaledObject", "jubilee-worker")["spec"]["triggers"]
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("SET enable_seqscan = off")
        for trigger in triggers:
            plan = await connection.fetch("EXPLAIN " + trigger["metadata"]["query"])
            assert "Seq Scan" not in "\n".join(row[0] for row in plan)
    finally:
        await connection.close()
