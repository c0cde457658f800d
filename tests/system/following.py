"""Tools to do what a runbook says: its commands, and the states of jobs."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias

from jubilee.adapters.postgres.statement import Driver
from tests.support.api import run
from tests.support.running import Up

MAIL = """
    SELECT jubilee.enqueue('email.send', '{"to": "zoe@example.com", "subject": "a", "text": "b"}')
"""
DIE = """
    UPDATE jobs SET status = 'dead', attempts = max_attempts, finished_at = now(),
        error = '{"code": "undeliverable", "message": "no such mailbox"}'
"""
LEASE_OVER = """
    UPDATE jobs SET status = 'running', attempts = 1, epoch = 1,
        lease_until = now() - interval '1 minute'
"""
SIMPLE_COMMAND = re.compile(r"jubilee [\w -]+")
"""One that needs no shell."""
STATUS = "SELECT status FROM jobs WHERE id = $1"

Env: TypeAlias = dict[str, str | None]


async def shell(at: Path, command: str, env: Mapping[str, str | None]) -> str:
    """Run a printed command and return its output; it must succeed."""
    if SIMPLE_COMMAND.fullmatch(command):
        variables: dict[str, Any] = {**env}
        ended = await asyncio.to_thread(run, at, *command.split()[1:], **variables)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = {name: value for name, value in env.items() if value is not None}
    done = await asyncio.to_thread(
        subprocess.run,
        ("sh", "-ec", command),
        cwd=at,
        env={"PATH": path, "DATA_DIR": str(at / "data"), **given},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def reaches_status(driver: Driver, job: object, status: str | None) -> bool:
    """Return whether the job reaches the status within a minute."""
    return await reads(driver, STATUS, status, job)


async def reads(driver: Driver, query: str, expected: object, *values: object) -> bool:
    """Return whether the query has this value within a minute."""

    async def is_read() -> bool:
        return bool(await driver.fetchval(query, *values) == expected)

    return await comes_true(is_read)


def logged(process: Up, event: str) -> list[dict[str, Any]]:
    """Return the lines of this event in a log of JSON."""
    lines = [json.loads(line) for line in process.output.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


async def comes_true(condition: Callable[[], Awaitable[object]], within: float = 60.0) -> bool:
    """Poll until the condition holds; return False when the time is up."""
    deadline = monotonic() + within
    while not (result := bool(await condition())) and monotonic() < deadline:  # noqa: ASYNC110  # PostgreSQL has no event for it
        await asyncio.sleep(0.02)
    return result
