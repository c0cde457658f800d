"""The command line as an operator uses it."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from uuid import UUID

import pytest

from jubilee.commands.jobs_parser import JOB_ACTIONS
from jubilee.commands.parser import PLAIN, command_parser
from jubilee.commands.user_parser import CHANGES
from tests.servers import Servers, fresh_database
from tests.support.api import NO_REDIS, NOWHERE, PASSWORD, Api, bearer, run

ADA = ("--email", "ada@example.com", "--username", "ada", "--password-stdin")
AWAY = {"DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS}


def create_admin(at: Path, database_url: str, *who: str, password: str = PASSWORD) -> str:
    """Return its refusal; empty if the account was created."""
    env = {"DATABASE_URL": database_url, "REDIS_URL": NO_REDIS}
    ended = run(at, "admin", "create", *who, stdin=f"{password}\n", **env)
    assert ended.stdout.startswith("created admin ") == (ended.returncode == 0)
    assert ended.returncode == (1 if ended.stderr else 0)
    assert ended.stderr.count("\n") <= 1
    return ended.stderr


def test_an_admin_created_by_the_command_may_list_accounts(api: Api) -> None:
    headers = bearer(api.add_admin("ada"))
    with api.client(headers=headers) as client:
        (row,) = client.get("/users").json()["items"]
    assert row["email"] == "ada@example.com"
    assert row["is_superuser"] is True


def test_the_command_prints_the_admin_that_it_created(database_url: str, tmp_path: Path) -> None:
    env = {"DATABASE_URL": database_url, "REDIS_URL": NO_REDIS}
    created = run(tmp_path, "admin", "create", *ADA, stdin=f"{PASSWORD}\n", **env)
    shown = json.loads(run(tmp_path, "user", "show", "ada", "--json", **env).stdout)
    assert created.stdout == f"created admin {shown['id']}: ada@example.com, username ada\n"


def test_garbage_is_collected_once_a_command_is_loaded() -> None:
    report = "import atexit, gc; atexit.register(lambda: print(gc.isenabled()))"
    code = f"{report}; from jubilee.commands.line import main; main(['config'])"
    said = subprocess.check_output((sys.executable, "-c", code), text=True)
    assert said.endswith("\nTrue\n")


def test_every_command_has_a_function() -> None:
    every = [
        "status",
        "health api",
        "migration x",
        "admin create --email x",
        *(name for name, _, _ in PLAIN),
    ]
    every += ["user list", "user show x", *(f"user {name} x" for name, _ in CHANGES)]
    every += ["health", "jobs list", *(f"jobs {action} {UUID(int=1)}" for action in JOB_ACTIONS)]
    for words in every:
        module, _, name = command_parser().parse_args(words.split()).run.partition(":")
        assert callable(getattr(import_module(f"jubilee.commands.{module}"), name)), words


def test_an_admin_needs_a_database_with_the_schema(servers: Servers, tmp_path: Path) -> None:
    said = create_admin(tmp_path, NOWHERE, *ADA)
    assert said.startswith("jubilee: PostgreSQL cannot be used: connection refused: ")
    assert "jubilee migrate" in create_admin(tmp_path, servers.database_url, *ADA)


@pytest.mark.parametrize(
    "words", [("api",), ("migrate",), ("rollback",), ("admin", "create", *ADA)]
)
def test_a_missing_server_names_its_setting(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = run(tmp_path, *words, stdin=PASSWORD)
    assert ended.returncode == 78
    assert ended.stderr.startswith("jubilee: no database: set DATABASE_URL, or start one by `make")
    assert f"none is listed in {tmp_path}/data/run.json" in ended.stderr
    assert ended.stderr.count("\n") == 1


async def test_migrate_needs_no_redis_and_rollback_stops_at_the_first_revision(
    servers: Servers, tmp_path: Path
) -> None:
    async with fresh_database(servers) as empty:
        back = run(tmp_path, "rollback", DATABASE_URL=empty)
        assert run(tmp_path, "migrate", DATABASE_URL=empty).returncode == 0
    assert back.returncode == 1
    assert back.stderr == ("jubilee: there is no migration to undo: the schema has none\n")


def test_the_document_is_printed_as_json(tmp_path: Path) -> None:
    printed = run(tmp_path, "openapi")
    assert printed.returncode == 0
    assert json.loads(printed.stdout)["openapi"].startswith("3.1")


def test_the_config_command_masks_secrets(tmp_path: Path) -> None:
    printed = run(
        tmp_path,
        "config",
        SECRET_KEY="opensesame" * 4,
        DATABASE_URL="postgresql://ada:opensesame@db.example:5432/app?sslmode=require",
        REDIS_URL="redis://:opensesame@cache.example/0?password=opensesame",
        POSTGRES_PASSWORD="opensesame",
        REDIS_PASSWORD="opensesame",
        PORT="8123",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=opensesame",
    )
    assert printed.returncode == 0
    assert "opensesame" not in printed.stdout
    lines = printed.stdout.splitlines()
    assert "PORT=8123  # environment" in lines
    assert "HOST=127.0.0.1  # default" in lines
    assert "OTEL_EXPORTER_OTLP_HEADERS=***  # environment" in lines
    assert (
        "DATABASE_URL=postgresql://ada:***@db.example:5432/app?sslmode=require  # environment"
        in lines
    )
    assert all(re.fullmatch(r"[A-Z_]+=.*", line) for line in lines)


def test_an_option_overrides_the_environment(tmp_path: Path) -> None:
    printed = run(tmp_path, "config", "--data-dir", "elsewhere", DATA_DIR="here")
    assert "DATA_DIR=elsewhere  # environment" in printed.stdout.splitlines()


def test_an_unknown_command_is_refused(tmp_path: Path) -> None:
    ended = run(tmp_path, "frobnicate")
    assert ended.returncode == 2
    assert "invalid choice: 'frobnicate'" in ended.stderr
    assert "Traceback" not in ended.stderr
