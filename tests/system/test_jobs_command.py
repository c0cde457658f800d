"""The command `jubilee jobs`."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import pytest

from jubilee.adapters.postgres.statement import Driver
from tests.support.api import NO_REDIS, NOWHERE, run

MAIL = '{"to": "zoe@example.com", "subject": "Order 42", "text": "sign in at https://x.example/t"}'
DIE = """
    UPDATE jobs SET status = 'dead', attempts = 10, finished_at = now(),
        error = '{"code": "undeliverable", "message": "no such \\u001b[31mmailbox"}'
    WHERE id = $1
"""
STATUS = "SELECT status FROM jobs WHERE id = $1"

Jobs: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def jobs(tmp_path: Path, database_url: str) -> Jobs:
    """Run the command with a database only."""
    return lambda *words: run(
        tmp_path, "jobs", *words, DATABASE_URL=database_url, REDIS_URL=NO_REDIS
    )


async def mail(driver: Driver, *, dead: bool = False) -> str:
    """Enqueue a mail as a producer, and return its id."""
    job: UUID = await driver.fetchval(
        "SELECT jubilee.enqueue('email.send', CAST($1::text AS jsonb))", MAIL
    )
    if dead:
        await driver.execute(DIE, job)
    return str(job)


async def test_a_list_is_a_table_in_pages_with_filters(driver: Driver, jobs: Jobs) -> None:
    dead, waits = await mail(driver, dead=True), await mail(driver)
    table = jobs("list").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["ID", waits, dead]
    assert table[2].split()[1:4] == ["dead", "email.send", "10/10"]
    assert table[2].split()[-2:] == ["none", "undeliverable"]
    first = jobs("list", "--owner", "none", "--limit", "1").stdout.splitlines()
    assert (first[1].split()[0], first[2]) == (waits, f"more: --after {waits}")
    rest = jobs("list", "--after", waits, "--status", "dead", "--kind", "email.send", "--ids")
    assert rest.stdout == f"{dead}\n"
    assert jobs("list", "--kind", "echo").stdout == "no such jobs\n"


async def test_a_job_is_shown_without_secrets_and_escape_sequences(
    driver: Driver, jobs: Jobs
) -> None:
    shown = jobs("show", await mail(driver, dead=True)).stdout
    assert '"to": "zoe@example.com"' in shown
    assert '"text": "***"' in shown
    assert "https://x.example" not in shown
    assert "\x1b" not in shown


async def test_a_dead_job_is_retried_cancelled_and_discarded(driver: Driver, jobs: Jobs) -> None:
    job = await mail(driver, dead=True)
    done = [(action, jobs(action, job)) for action in ("retry", "cancel", "discard")]
    words = [ended.stdout for _, ended in done]
    assert words == [f"{job} queued\n", f"{job} cancelled\n", f"{job} discarded\n"]
    assert {ended.returncode for _, ended in done} == {0}
    assert await driver.fetchval(STATUS, job) is None


def test_a_missing_database_is_reported_in_one_line(tmp_path: Path) -> None:
    ended = run(tmp_path, "jobs", "list", DATABASE_URL=NOWHERE, REDIS_URL=NO_REDIS)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert ended.stderr.startswith("jubilee: PostgreSQL cannot be used: connection refused: ")
