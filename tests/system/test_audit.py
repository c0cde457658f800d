"""The audit log of a running service: every event at the socket, the seals, and the commands."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from tests.support.api import (
    NO_MAIL,
    NO_REDIS,
    NOWHERE,
    PASSWORD,
    Api,
    bearer,
    run,
    sign_in,
    sign_up,
)
from tests.support.running import eventually
from tests.support.workers import Workers

NEW, WRONG, UNKNOWN = "an engine of copper", "an engine of wood", "charles.babbage"
TOKENS = "/auth/access-tokens"
EVENTS = {
    "signing_key_added": 1,
    "account_registered": 2,
    "role_changed": 2,
    "sign_in": 4,
    "sign_in_failed": 2,
    "reauthentication_failed": 1,
    "email_changed": 1,
    "password_changed": 2,
    "sessions_ended": 2,
    "session_ended": 1,
    "api_token_created": 2,
    "api_token_deleted": 1,
    "api_tokens_deleted": 1,
    "sign_out": 1,
    "admin_read": 2,
    "admin_write": 3,
    "account_deleted": 1,
}

Audit = Callable[..., subprocess.CompletedProcess[str]]
Operate = Callable[..., None]


@pytest.fixture
def audit(tmp_path: Path, api: Api) -> Audit:
    """Run `jubilee audit` beside the API."""
    return lambda *words: run(tmp_path, "audit", *words, **api.urls)


async def execute(database_url: str, sql: str) -> Any:
    """Run a statement, and return its first value."""
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def change(client: httpx2.Client, expected: int, body: dict[str, str], headers: Any) -> None:
    """Change the own account."""
    assert client.patch("/users/me", json=body, headers=headers).status_code == expected


def use_account(client: httpx2.Client) -> None:
    """Let Zoe sign up, sign in wrongly and rightly, change her account, and sign out."""
    zoe = bearer(sign_up(client, "zoe"))
    for login in ("zoe", UNKNOWN):
        form = {"username": login, "password": WRONG}
        assert client.post("/auth/token", data=form).status_code == 400
    change(client, 403, {"email": "z@example.com", "current_password": WRONG}, zoe)
    change(client, 200, {"email": "z@example.com", "current_password": PASSWORD}, zoe)
    sign_in(client, "zoe")
    sessions = client.get("/auth/sessions", headers=zoe).json()["items"]
    [other] = [session["id"] for session in sessions if not session["current"]]
    assert client.delete(f"/auth/sessions/{other}", headers=zoe).status_code == 204
    sign_in(client, "zoe")
    new_token = {"name": "backup", "scopes": ["items:read"]}
    tokens = [client.post(TOKENS, json=new_token, headers=zoe).json()["id"] for _ in range(2)]
    assert client.delete(f"{TOKENS}/{tokens[0]}", headers=zoe).status_code == 204
    change(client, 200, {"password": NEW, "current_password": PASSWORD}, zoe)
    assert client.post("/auth/logout", headers=zoe).status_code == 204


def manage_account(client: httpx2.Client, ada: dict[str, str], operate: Operate) -> None:
    """Let an admin and an operator read, change and delete Zoe's account."""
    account = client.get("/users?q=zoe", headers=ada).json()["items"][0]["id"]
    url = f"/users/{account}"
    assert client.get(url, headers=ada).status_code == 200
    assert client.patch(url, json={"full_name": "Z"}, headers=ada).status_code == 200
    operate("promote", account)
    operate("password", "--password-stdin", account, stdin=f"{PASSWORD}x\n")
    assert client.delete(url, headers=ada).status_code == 204


async def test_check_42_every_event_is_audited_with_its_origin_and_without_secrets(
    api: Api, tmp_path: Path, database_url: str
) -> None:
    def operate(*words: str, stdin: str = "") -> None:
        ended = run(tmp_path, "user", *words, stdin=stdin, **api.urls)
        assert ended.returncode == 0, ended.stderr

    with api.client(headers={"User-Agent": "engine/1", "X-Request-ID": "story-1"}) as client:
        use_account(client)
        ada = bearer(api.add_admin("ada"))
        manage_account(client, ada, operate)
        rows = client.get("/audit?limit=100", headers=ada).json()["items"]
    assert Counter(row["event"] for row in rows) == EVENTS
    assert_origins(rows)
    whole = await execute(database_url, "SELECT string_agg(e::text, ' ') FROM audit_entries AS e")
    typed = (PASSWORD, NEW, WRONG, UNKNOWN, "example.com", *ada["Authorization"].split("."))
    assert [text for text in typed if text in whole] == []


def assert_origins(rows: list[dict[str, Any]]) -> None:
    """What clients of the test did has their address and request; commands have none."""
    by_command = [row for row in rows if row["actor"] == "operator"]
    assert {(row["address"], row["request_id"]) for row in by_command} == {(None, None)}
    assert Counter(row["event"] for row in by_command)["password_changed"] == 1
    found = {(row["address"], row["user_agent"]) for row in rows if row["request_id"] == "story-1"}
    assert found == {("127.0.0.1", "engine/1")}


async def test_a_worker_seals_what_happened_and_the_command_finds_a_change(
    api: Api, audit: Audit, tmp_path: Path, database_url: str
) -> None:
    with api.client() as client:
        sign_up(client, "zoe")
    assert "0 sealed, 3 not yet" in audit("verify").stdout
    with ExitStack() as ends:
        worker = Workers(tmp_path, ends, {**api.urls, "SMTP_URL": NO_MAIL})()
        assert eventually(lambda: "audit log sealed" in worker.output, within=30), worker.output
    intact = audit("verify")
    assert (intact.returncode, intact.stderr) == (0, "")
    assert intact.stdout.startswith("chain     intact\n")
    assert "entries   3 sealed, 0 not yet\n" in intact.stdout
    head = intact.stdout.split()[-1]
    assert head in worker.output
    assert audit("verify", "--expect", head).returncode == 0
    await execute(database_url, "DELETE FROM audit_entries WHERE event = 'sign_in'")
    altered = audit("verify", "--expect", f"1:{'0' * 64}")
    assert altered.returncode == 3
    assert altered.stdout.startswith("chain     ALTERED\n")
    assert altered.stderr == (
        "jubilee: seal 1: entries were changed, added or deleted\n"
        "jubilee: seal 1 is not the one that was noted\n"
    )


def test_entries_are_listed_as_a_table_and_as_json(api: Api, audit: Audit) -> None:
    api.add_admin("ada")
    *rows, first = json.loads(audit("list", "--json").stdout)
    assert (first["event"], first["actor_id"]) == ("signing_key_added", None)
    assert [row["event"] for row in rows] == ["sign_in", "role_changed", "account_registered"]
    head, row = audit("list", "--actor", "operator", "--event", "role_changed").stdout.splitlines()
    assert head.split()[:4] == ["TIME", "(UTC)", "EVENT", "ACTOR"]
    assert row.split()[2:] == ["role_changed", "operator", rows[0]["subject_id"], "-", "role=admin"]
    assert audit("list", "--event", "account_locked").stdout == "no such entries\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("list", "--event", "x"), 2, "EVENT"),
        (("verify", "--expect", "x"), 2, "--expect"),
        (("verify",), 1, "PostgreSQL cannot be used"),
    ],
)
def test_a_command_that_cannot_be_run_says_why(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    ended = run(tmp_path, "audit", *words, DATABASE_URL=NOWHERE, REDIS_URL=NO_REDIS)
    assert ended.returncode == code
    assert said in ended.stderr
