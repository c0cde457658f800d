"""A day with many birthdays: `python -m tests.benchmarks.birthdays`.

So many accounts are born on this day. One worker of two processes, as in production, plans their
greetings and delivers them into a folder. Prints when the last one was planned and delivered, the
longest time without progress, and the worker's CPU and memory.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import uvloop

from jubilee.adapters.postgres.statement import Driver
from tests.benchmarks.processes import Sample, look
from tests.benchmarks.stack import pids_by_name, print_lines, stack
from tests.support.running import Up

INTERVAL_S = 2.0
BORN_TODAY = """
    WITH born AS (
        SELECT gen_random_uuid() AS id, n FROM generate_series(1, CAST($1 AS integer)) AS n
    ), accounts AS (
        INSERT INTO users (id, email, email_key, username, username_key, is_active, is_superuser,
            birthday_greeting, created_at, updated_at)
        SELECT id, n || '@example.org', n || '@example.org', 'user' || n, 'user' || n,
            true, false, true, now(), now()
        FROM born
    )
    INSERT INTO birthdays (id, name, name_key, user_id, date_of_birth, created_at, updated_at)
    SELECT id, 'user' || n, 'user' || n, id,
        make_date(1990, date_part('month', now())::int, date_part('day', now())::int), now(), now()
    FROM born
"""
PROGRESS = """
    SELECT count(*) AS planned, count(*) FILTER (WHERE state = 'sent') AS sent FROM greetings
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the day is, and what the worker has used by then."""

    planned: int
    sent: int
    worker: Sample


async def watch(driver: Driver, worker: int, accounts: int, longest: float) -> Sequence[Progress]:
    """Look at the greetings until all are sent; raises TimeoutError."""
    seen: list[Progress] = []
    async with asyncio.timeout(longest):
        while not seen or seen[-1].sent < accounts:
            row = await driver.fetchrow(PROGRESS)
            assert row is not None
            seen.append(Progress(row["planned"], row["sent"], look(worker)))
            await asyncio.sleep(INTERVAL_S)
    return seen


def figures(seen: Sequence[Progress], accounts: int) -> dict[str, float]:
    """Return what the day took, counted from the first greeting that was planned."""
    started = [each for each in seen if each.planned]
    first, last = started[0].worker, started[-1].worker
    planned = next(each.worker for each in started if each.planned >= accounts)
    quarter = started[len(started) // 4].worker
    return {
        "accounts": accounts,
        "planned_s": planned.at - first.at,
        "sent_s": last.at - first.at,
        "longest_pause_s": longest_pause(started),
        "cpu_ms": (last.cpu_s - first.cpu_s) / accounts * 1000,
        "rss_mib_after_a_quarter": quarter.rss_mib,
        "rss_mib_at_the_end": last.rss_mib,
    }


def longest_pause(seen: Sequence[Progress]) -> float:
    """Return the longest time without another greeting planned or sent."""
    pause, moved = 0.0, seen[0]
    for each in seen:
        if (each.planned, each.sent) != (moved.planned, moved.sent):
            pause, moved = max(pause, each.worker.at - moved.worker.at), each
    return pause


async def measure(up: Up, accounts: int, longest: float) -> dict[str, float]:
    """Add the accounts and wait for their greetings."""
    assert up.run.database_url is not None
    driver: Driver = await asyncpg.connect(up.run.database_url)
    await driver.execute(BORN_TODAY, accounts)
    await driver.execute("VACUUM (ANALYZE) users, birthdays")
    seen = await watch(driver, pids_by_name(up)["worker"], accounts, longest)
    await driver.close()
    return figures(seen, accounts)


def main() -> None:
    """Read the arguments, measure, print, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--longest", type=float, default=3600, help="seconds to wait")
    parser.add_argument("--json", type=Path, default=Path("dist/bench-birthdays.json"))
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        mails = str(Path(folder) / "mails")
        with stack(MAIL_DIR=mails, GREETING_HOUR="0", WORKER_CONCURRENCY="2") as up:
            found = uvloop.run(measure(up, options.accounts, options.longest))
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(found, indent=2) + "\n")
    print_lines(f"{name:24}{value:.1f}" for name, value in found.items())


if __name__ == "__main__":
    main()
