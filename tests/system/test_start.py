"""Starting the API with missing servers, schemas and settings."""

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from jubilee.adapters.postgres.application_name import MAX_HOST_CHARS
from tests.servers import Servers, fresh_database
from tests.support.api import NO_REDIS, NOWHERE, Api, Starter, run
from tests.support.outages import OwnServers
from tests.support.running import eventually

BAD_CONFIGURATION = 78


def lines_of(api: Api, event: str) -> list[dict[str, Any]]:
    """Return the logged lines of this event."""
    lines = [json.loads(line) for line in api.lines if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def test_missing_servers_are_logged_with_growing_intervals(start_api: Starter) -> None:
    api = start_api(NOWHERE, NO_REDIS, LOG_FORMAT="json").live()
    assert api.ask("/health/ready").status_code == 503
    assert eventually(lambda: len(lines_of(api, "no answer")) >= 4)
    lines = lines_of(api, "no answer")[:4]
    found = [(line["level"], line["of"], line["again_in"]) for line in lines]
    assert found == [("warning", "PostgreSQL and Redis", wait) for wait in (0.5, 1.0, 2.0, 4.0)]
    (why,) = lines_of(api, "PostgreSQL cannot be used")
    assert why["cause"].startswith("connection refused: ")
    assert lines_of(api, "no answer")[0]["cause"] == why["cause"]
    assert api.is_live()


def test_the_api_becomes_ready_when_its_servers_start(
    own_servers: OwnServers, start_api: Starter
) -> None:
    own_servers.postgres.end()
    own_servers.redis.end()
    api = start_api(own_servers.database_url, own_servers.redis_url, LOG_FORMAT="json").live()
    assert api.ask("/hello/Zoe").status_code == 503
    own_servers.postgres.start()
    assert api.ready().ask("/health/ready").json()["checks"]["redis"] == "degraded"
    assert eventually(lambda: "Redis" in [line["of"] for line in lines_of(api, "no answer")])
    own_servers.redis.start()
    assert eventually(lambda: lines_of(api, "PostgreSQL and Redis answer"))
    assert api.ask("/hello/Zoe").status_code == 404
    assert "Traceback" not in api.output


async def test_an_outdated_schema_ends_the_api_with_one_line(
    servers: Servers, start_api: Starter
) -> None:
    async with fresh_database(servers) as empty:
        api = start_api(empty, servers.redis_url)
        assert eventually(lambda: api.process.poll() is not None)
    assert api.process.returncode == BAD_CONFIGURATION
    (line,) = (line for line in api.lines if "uvicorn" not in line)
    assert "run `jubilee migrate`" in line


async def test_a_worker_does_not_start_on_a_schema_behind_its_own(
    servers: Servers, tmp_path: Path
) -> None:
    async with fresh_database(servers) as empty:
        ended = run(tmp_path, "worker", DATABASE_URL=empty, REDIS_URL=servers.redis_url)
    assert ended.returncode == BAD_CONFIGURATION
    line = "jubilee: the schema is behind this version: run `jubilee migrate` first\n"
    assert ended.stderr == line


async def test_a_newer_schema_is_served(
    servers: Servers, start_api: Starter, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE alembic_version SET version_num = 'from the future'")
    await connection.close()
    api = start_api(database_url, servers.redis_url).ready()
    assert api.ask("/hello/Zoe").status_code == 404
    assert api.ask("/health/ready").json()["checks"]["schema"] == "ahead"


async def test_postgresql_shows_which_processes_are_connected(
    servers: Servers, start_api: Starter, session_url: str
) -> None:
    api = start_api(session_url, servers.redis_url).ready()
    connection = await asyncpg.connect(session_url)
    query = "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = $1"
    names = await connection.fetch(query, urlsplit(session_url).path.removeprefix("/"))
    await connection.close()
    host = socket.gethostname()[:MAX_HOST_CHARS]
    assert f"jubilee-api/15 {host}:{api.process.pid}" in {row[0] for row in names}


def test_a_taken_port_is_one_line(start_api: Starter) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        api = start_api(NOWHERE, NO_REDIS, PORT=str(port), LOG_FORMAT="json")
        assert api.process.wait(20) not in {0, BAD_CONFIGURATION}
    (line,) = (line for line in map(json.loads, api.lines) if line["level"] == "error")
    assert str(port) in line["event"]


@pytest.mark.parametrize(
    "given",
    [
        {
            "PORT": "eight-thousand",
            "BIRTHDAY_TIMEZONE": "Mars/Olympus",
            "DATABASE_POOL_SIZE": "-17",
        },
        {"ENVIRONMENT": "opensesame", "LEAP_DAY_RULE": "opensesame", "LOG_LEVEL": "opensesame"},
        {
            "DATABASE_URL": "mysql://ada:opensesame@localhost/app",
            "REDIS_URL": "http://:opensesame@localhost",
        },
        {
            "DATABASE_URL": "postgresql://ada:opensesame@localhost:port/app",
            "REDIS_URL": "redis://:12#opensesame@localhost",
        },
        {
            "DATABASE_URL": "postgresql://ada@localhost/app?opensesame=1",
            "REDIS_URL": "redis://localhost:6379/0?opensesame=1",
        },
    ],
)
def test_invalid_settings_are_named_in_one_line_without_values(
    tmp_path: Path, given: dict[str, str]
) -> None:
    ended = run(tmp_path, "api", **{"DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS, **given})
    assert ended.returncode == BAD_CONFIGURATION
    (line,) = ended.stderr.splitlines()
    assert line.startswith("jubilee: bad settings: ")
    for setting, value in given.items():
        assert setting in line
        assert value not in line
    assert "opensesame" not in line


@pytest.mark.parametrize(
    ("words", "setting"),
    [
        (("status",), "DATA_DIR"),
        (("api",), "DATA_DIR"),
        (("up",), "DATA_DIR"),
        (("migrate",), "DATA_DIR"),
        (("worker",), "MAIL_DIR"),
    ],
    ids=str,
)
def test_a_file_in_place_of_a_folder_is_reported_with_its_setting(
    tmp_path: Path, words: tuple[str, ...], setting: str
) -> None:
    given: dict[str, Any] = {setting: "/etc/hostname", "LOG_LEVEL": "ERROR"}
    if setting == "MAIL_DIR":
        given |= {"SMTP_URL": None, "DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS}
    elif words[0] in {"api", "up"}:  # the other commands look for their servers in the folder
        given |= {"DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS}
    ended = run(tmp_path, *words, **given)
    assert ended.returncode != 0
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"jubilee: {setting}=/etc/hostname: ")


def test_an_address_of_another_machine_is_reported_with_its_setting(tmp_path: Path) -> None:
    away = {"DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS}
    ended = run(tmp_path, "api", HOST="192.0.2.1", LOG_FORMAT="json", **away)
    assert ended.returncode == 1
    (line,) = map(json.loads, (ended.stdout + ended.stderr).splitlines())
    assert "HOST '192.0.2.1'" in line["event"]


def test_an_unknown_variable_is_reported_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOG_LEVELL=DEBUG\n")
    ended = run(tmp_path, "config", PROT="8123")
    assert ended.returncode == 0
    assert ended.stderr.splitlines() == [
        "jubilee: warning: LOG_LEVELL in .env is not a setting: did you mean LOG_LEVEL?",
        "jubilee: warning: PROT in the environment is not a setting: did you mean PORT?",
    ]
    child = run(tmp_path, "config", PROT="8123", JUBILEE_WARNED_OF_UNKNOWN_VARIABLES="1")
    assert child.stderr == ""
