"""Memory and CPU of an API and a worker: `python -m tests.benchmarks.resources`.

One of each, on embedded servers and loopback: first idle, then at a constant rate of requests of
which some create tasks, then idle again. Prints the rows of the table in deploy/README.md, from
which the limits in deploy/compose come, and whether the rate was held and memory and CPU were flat;
ends with 1 if not. The defaults take two cores without other work: `others` says what else ran.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import cycle
from time import monotonic

import asyncpg
import httpx2
import uvloop

from tests.benchmarks.open_loop import Answers, http_request, send
from tests.benchmarks.processes import Phase, machine_cpu_s, sample
from tests.benchmarks.stack import JSON, pids_by_name, print_lines, stack
from tests.support.api import bearer, sign_up
from tests.support.running import Up, free_port

DONE_TIMEOUT_S = 60
DONE = "SELECT count(*) FROM jobs WHERE kind = 'echo' AND status = 'succeeded'"
OUTCOME = 'jobs_finished_total{kind="echo",outcome="'
EXPECTED = {HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT}
MIN_SENT_RATIO = 0.999
NAMES = ("api", "worker")
BORN = {"dateOfBirth": "1990-02-28"}
TASK = {"kind": "echo", "data": {"n": 1}}


@dataclass(frozen=True, slots=True)
class Result:
    """All that was measured."""

    idle: Mapping[str, Phase]
    load: Mapping[str, Phase]
    after: Mapping[str, Phase]
    answers: Answers
    tasks_done: int
    done_after_s: float
    """How long after the last answer the last task was done."""
    outcomes: str
    """Of attempts, as the worker counted them."""
    others_cores: float
    """What other processes of the machine used under load."""


def requests(authorization: str, tasks_in_ten: int) -> Iterator[bytes]:
    """Requests without end: so many of ten create a task, the others read and write birthdays."""
    signed_in = {"Authorization": authorization}
    others = (
        http_request("PUT", "/hello/Zoe", JSON, json.dumps(BORN).encode()),
        http_request("GET", "/hello/Zoe", {}),
        http_request("GET", "/users/me", signed_in),
        http_request("GET", "/hello/Zoe", {}),
        http_request("GET", "/items", signed_in),
        http_request("GET", "/hello/Zoe", {}),
    )
    task = json.dumps(TASK).encode()
    creating, other = http_request("POST", "/tasks", signed_in | JSON, task), cycle(others)
    for number in cycle(range(10)):
        yield creating if number * tasks_in_ten % 10 < tasks_in_ten else next(other)


async def measure(up: Up, worker_metrics: int, chosen: argparse.Namespace) -> Result:
    """Idle, under load, and idle again."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{up.port}", timeout=10) as client:
        authorization = bearer(sign_up(client, "ada"))["Authorization"]
        client.put("/hello/Zoe", json=BORN).raise_for_status()
    pids = pids_by_name(up)
    idle = await sample(pids, chosen.idle)
    sequence = requests(authorization, round(10 * chosen.jobs / chosen.requests))
    before = machine_cpu_s()
    answers, load = await asyncio.gather(
        send(up.port, sequence, chosen.requests, chosen.seconds),
        sample(pids | {"generator": os.getpid()}, chosen.seconds),
    )
    others = machine_cpu_s() - before - sum(phase.cpu_s for phase in load.values())
    ended = monotonic()
    assert up.run.database_url is not None
    done = await _tasks_done(up.run.database_url, answers.statuses[HTTPStatus.ACCEPTED])
    done_after_s = monotonic() - ended
    after = await sample(pids, chosen.idle)
    outcomes = await _outcomes(worker_metrics)
    return Result(idle, load, after, answers, done, done_after_s, outcomes, others / chosen.seconds)


async def _tasks_done(database_url: str, wanted: int) -> int:
    """How many tasks have succeeded, once as many have as wanted.

    Rows count, not the metric of the worker, where an attempt whose COMMIT got no reply in time
    is `unknown`.
    """
    deadline = monotonic() + DONE_TIMEOUT_S
    connection = await asyncpg.connect(database_url)
    try:
        while True:
            done: int = await connection.fetchval(DONE)
            if done >= wanted or monotonic() > deadline:
                return done
            await asyncio.sleep(0.2)
    finally:
        await connection.close()


async def _outcomes(worker_metrics: int) -> str:
    """How attempts ended, as the worker counted them."""
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{worker_metrics}") as client:
        lines = (await client.get("/metrics", timeout=10)).text.splitlines()
    found = [line.removeprefix(OUTCOME) for line in lines if line.startswith(OUTCOME)]
    return ", ".join(line.replace('"}', ":") for line in found)


def table(result: Result) -> Iterator[str]:
    """The rows of deploy/README.md."""
    units = {
        "api": ("request", result.answers.statuses.total()),
        "worker": ("task", result.tasks_done),
    }
    for name in NAMES:
        load, (unit, count) = result.load[name], units[name]
        idle, after = (
            f"{phase.rss_mib:.0f} MiB, {100 * phase.cores:.1f} % of a core"
            for phase in (result.idle[name], result.after[name])
        )
        growth = load.memory_growth.after - load.memory_growth.before
        yield (
            f"| `{name}` | {idle} | {load.rss_mib:.0f} MiB ({growth:+.1f}),"
            f" {100 * load.cores:.0f} % of a core | {after}"
            f" | {1000 * load.cpu_s / count:.2f} ms a {unit} |"
        )


def details(result: Result) -> Iterator[str]:
    """Latencies, and what else used CPU."""
    at = {percent: result.answers.percentile_ms(percent) for percent in (50, 99, 99.9)}
    yield "latency " + ", ".join(f"p{percent} {ms:.1f} ms" for percent, ms in at.items())
    statuses = sorted(result.answers.statuses.items())
    yield "answers " + ", ".join(f"{status}: {count}" for status, count in statuses)
    yield f"attempts {result.outcomes}"
    cores = {name: phase.cores for name, phase in result.load.items()}
    cores["others"] = result.others_cores
    yield "CPU     " + ", ".join(f"{name} {100 * used:.0f} %" for name, used in cores.items())


def verdicts(result: Result, wanted: int) -> Iterator[tuple[bool, str]]:
    """Whether the rate was held, all was answered and done, and memory and CPU were flat."""
    answers = result.answers
    yield (
        answers.unsent <= (1 - MIN_SENT_RATIO) * wanted,
        f"{wanted - answers.unsent} of {wanted} requests were sent within 2 s of their moment",
    )
    others = {status: n for status, n in answers.statuses.items() if status not in EXPECTED}
    yield not others, f"unexpected answers (0: none at all): {others}"
    accepted = answers.statuses[HTTPStatus.ACCEPTED]
    done = f"{result.tasks_done} of {accepted} tasks done {result.done_after_s:.1f} s after the end"
    yield result.tasks_done == accepted, done
    for name in NAMES:
        memory, cpu = result.load[name].memory_growth, result.load[name].cpu_growth
        mib = f"{memory.before:.1f} to {memory.after:.1f} MiB"
        percent = f"{100 * cpu.before:.1f} to {100 * cpu.after:.1f} % of a core"
        yield result.load[name].is_flat, f"{name}, second quarter to last: {mib}, {percent}"


def main() -> int:
    """Read the arguments, measure, and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--idle", type=float, default=30, help="seconds before and after")
    parser.add_argument("--requests", type=int, default=500, help="a second")
    parser.add_argument("--jobs", type=int, default=200, help="how many of these create a task")
    chosen = parser.parse_args()
    worker_metrics = free_port()
    with stack(RATE_LIMITS="off", WORKER_METRICS_PORT=str(worker_metrics)) as up:
        result = uvloop.run(measure(up, worker_metrics, chosen))
    found = list(verdicts(result, round(chosen.requests * chosen.seconds)))
    print_lines([*table(result), "", *details(result), ""])
    print_lines([f"{'ok ' if good else 'BAD'} {line}" for good, line in found])
    return 0 if all(good for good, _ in found) else 1


if __name__ == "__main__":
    sys.exit(main())
