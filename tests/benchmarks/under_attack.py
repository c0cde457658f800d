"""Others while sign-in is flooded: `python -m tests.benchmarks.under_attack`.

The service with its limits on, behind a trusted proxy, has clients at a constant rate from many
addresses: greetings, reads with a token, birthdays. First they are alone, then an attacker tries
passwords from 200 addresses, each at accounts that exist and at those that do not; then they are
alone again. Prints their latencies, what the attacker was answered, memory and CPU, and whether
the attack at most doubled the 99th percentile; ends with 1 if not.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count, cycle
from urllib.parse import urlencode

import httpx2
import uvloop

from tests.benchmarks import processes
from tests.benchmarks.open_loop import Answers, http_request, send
from tests.benchmarks.stack import JSON, pids_by_name, print_lines, stack
from tests.support.api import bearer, sign_up
from tests.support.running import Up

USERS = 20
ADDRESSES = 100  # of clients; users share some of them
ATTACKERS = 200
ATTACKERS_CONNECTIONS = 400
WRITES_IN_TEN, SIGNED_IN_IN_TEN = 1, 4
MAX_P99_RATIO = 2.0
MAX_MEMORY_MIB = 384  # the limit of the API in deploy/compose
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SERVED = {HTTPStatus.OK, HTTPStatus.NO_CONTENT}
REFUSED = {HTTPStatus.BAD_REQUEST, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class Phase:
    """What clients and attacker were answered meanwhile, and what the processes used."""

    name: str
    wanted: int
    """How many requests of others were due."""
    others: Answers
    used: Mapping[str, processes.Phase]
    elsewhere_cores: float
    """What other processes of the machine used meanwhile."""
    attacker: Answers = field(default_factory=Answers)


def register_clients(port: int) -> Sequence[bytes]:
    """Register the users, give each name a birthday, and return the requests of all clients."""
    requests = list[bytes]()
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        for number in range(USERS):
            client.headers["X-Forwarded-For"] = _client(number)
            tokens = bearer(sign_up(client, f"user{number}"))
            client.put(_path(number), json={"dateOfBirth": "1990-02-28"}).raise_for_status()
            requests += [
                request
                for address in range(number, ADDRESSES, USERS)
                for request in _mix(_path(number), _client(address), tokens)
            ]
    return requests


def _mix(path: str, address: str, tokens: dict[str, str]) -> Iterator[bytes]:
    """Ten requests: most greet, some read with a token, some write."""
    source = {"X-Forwarded-For": address}
    greetings = 10 - WRITES_IN_TEN - SIGNED_IN_IN_TEN
    born = json.dumps({"dateOfBirth": "1990-02-28"}).encode()
    yield from [http_request("GET", path, source)] * greetings
    yield from [http_request("PUT", path, source | JSON, born)] * WRITES_IN_TEN
    signed_in = cycle(
        http_request("GET", each, source | tokens) for each in ("/users/me", "/items")
    )
    yield from (next(signed_in) for _ in range(SIGNED_IN_IN_TEN))


def guesses() -> Iterator[bytes]:
    """Wrong passwords without end, in turn from each address, half of them at real accounts."""
    for number in count():
        login = f"user{number // 2 % USERS}" if number % 2 else f"unknown{number}"
        form = urlencode({"username": login, "password": f"wrong {number}"}).encode()
        source = {"X-Forwarded-For": f"203.0.113.{number % ATTACKERS + 1}"}
        yield http_request("POST", "/auth/token", source | FORM, form)


def _client(number: int) -> str:
    return f"198.51.100.{number + 1}"


def _path(number: int) -> str:
    return f"/hello/{chr(97 + number)}aron"


async def measure(up: Up, chosen: argparse.Namespace) -> Sequence[Phase]:
    """Quiet, under attack, and quiet again."""
    requests = cycle(register_clients(up.port))
    pids = pids_by_name(up) | {"generator": os.getpid()}

    async def phase(name: str, seconds: float, attack: int = 0) -> Phase:
        before = processes.machine_cpu_s()
        others, used, attacker = await asyncio.gather(
            send(up.port, requests, chosen.requests, seconds),
            processes.sample(pids, seconds),
            send(up.port, guesses(), attack, seconds, ATTACKERS_CONNECTIONS),
        )
        elsewhere = processes.machine_cpu_s() - before - sum(each.cpu_s for each in used.values())
        wanted = round(chosen.requests * seconds)
        return Phase(name, wanted, others, used, elsewhere / seconds, attacker)

    await send(up.port, requests, chosen.requests, chosen.warm_up)
    return [
        await phase("quiet", chosen.quiet),
        await phase("attack", chosen.seconds, chosen.guesses),
        await phase("quiet again", chosen.quiet),
    ]


def table(phases: Sequence[Phase]) -> Iterator[str]:
    """Latencies of the others, memory of the API, and CPU of all processes of the machine."""
    yield "|  | p50 | p95 | p99 | memory of `api` | CPU in % of a core |"
    yield "|---|---|---|---|---|---|"
    for phase in phases:
        latencies = " | ".join(f"{phase.others.percentile_ms(at):.1f} ms" for at in (50, 95, 99))
        cores = {name: used.cores for name, used in phase.used.items()}
        cores["elsewhere"] = phase.elsewhere_cores
        cpu = ", ".join(f"{name} {100 * used:.0f}" for name, used in cores.items())
        yield f"| {phase.name} | {latencies} | {phase.used['api'].rss_mib:.0f} MiB | {cpu} |"


def verdicts(phases: Sequence[Phase]) -> Iterator[tuple[bool, str]]:
    """Whether the others were served as if there was no attack, and the attacker was refused."""
    before, attack, after = phases
    for phase in (attack, after):
        ratio = phase.others.percentile_ms(99) / before.others.percentile_ms(99)
        yield (
            ratio <= MAX_P99_RATIO,
            f"{phase.name}: p99 of the others is {ratio:.2f} times as long",
        )
    for phase in phases:
        served = sum(phase.others.statuses[status] for status in SERVED)
        yield (
            served == phase.wanted,
            f"{phase.name}: {served} of {phase.wanted} requests of others served",
        )
    found = attack.attacker.statuses
    answers = ", ".join(f"{status}: {times}" for status, times in sorted(found.items()))
    unsent = f"{attack.attacker.unsent} not sent as no connection was free"
    yield found.keys() <= REFUSED, f"the attacker was answered {answers}; {unsent}"
    memory = max(phase.used["api"].rss_mib for phase in phases)
    yield memory <= MAX_MEMORY_MIB, f"the API took {memory:.0f} of {MAX_MEMORY_MIB} MiB"


def main() -> int:
    """Read the arguments, measure, and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="of the attack")
    parser.add_argument("--quiet", type=float, default=120, help="seconds before, and after")
    parser.add_argument("--warm-up", type=float, default=10, help="seconds before the first one")
    parser.add_argument("--requests", type=int, default=500, help="of the others, a second")
    parser.add_argument("--guesses", type=int, default=200, help="of the attacker, a second")
    chosen = parser.parse_args()
    with stack(RATE_LIMITS="on", TRUSTED_PROXIES="127.0.0.1") as up:
        phases = uvloop.run(measure(up, chosen))
    print_lines([*table(phases), ""])
    found = list(verdicts(phases))
    print_lines(f"{'ok ' if good else 'BAD'} {line}" for good, line in found)
    return 0 if all(good for good, _ in found) else 1


if __name__ == "__main__":
    sys.exit(main())
