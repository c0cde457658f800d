"""All kinds of requests at constant rates: `python -m tests.benchmarks.mixed_load`.

One API and one worker on embedded servers, as production runs them; 2 000 names, 24 users and their
items. Sends each rate for some seconds, whether or not the service keeps up, and prints the
latencies and what used CPU; ends with 1 unless every request was answered at the last rate, 95 % of
them within 100 ms and 99 % within 500 ms.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

import uvloop

from tests.benchmarks import processes
from tests.benchmarks.http_load import Load
from tests.benchmarks.open_loop import Answers, send
from tests.benchmarks.stack import pids_by_name, print_lines, stack
from tests.support.running import Up

SHARES = {"hello": 8, "me": 3, "item": 3, "list": 2, "save": 2, "create": 1, "task": 1}
"""How many of 20 requests are of a kind."""
RATES = (1000, 1500, 2000, 2500, 3000)
WARM_UP_S = 5.0
MAX_P95_MS, MAX_P99_MS = 100.0, 500.0


@dataclass(frozen=True, slots=True)
class Step:
    """The answers at one rate, and what used CPU meanwhile, in cores by the name of a process."""

    rate: int
    answers: Answers
    cores: dict[str, float]

    @property
    def is_held(self) -> bool:
        """Whether all requests were answered as they should be, and soon enough."""
        served = all(200 <= status < 300 for status in self.answers.statuses)
        p95_ms, p99_ms = (self.answers.percentile_ms(percent) for percent in (95, 99))
        soon = p95_ms <= MAX_P95_MS and p99_ms <= MAX_P99_MS
        return served and not self.answers.unsent and soon


def mixed(load: Load) -> Iterator[bytes]:
    """Requests without end, the kinds spread evenly."""
    kinds = {kind: load.requests(kind) for kind in SHARES}
    total = sum(SHARES.values())
    turns = [kind for kind, share in SHARES.items() for _ in range(share)]
    spread = [turns[index * 7 % total] for index in range(total)]  # 7 and 20 share no factor
    for kind in cycle(spread):
        yield next(kinds[kind])


async def measure(up: Up, rates: Sequence[int], seconds: float) -> list[Step]:
    """Send each rate in turn."""
    load = await asyncio.to_thread(Load.prepare, f"http://127.0.0.1:{up.port}")
    requests, pids = mixed(load), pids_by_name(up) | {"generator": os.getpid()}
    await send(up.port, requests, rates[0], WARM_UP_S)
    steps = []
    for rate in rates:
        answers, used = await asyncio.gather(
            send(up.port, requests, rate, seconds), processes.sample(pids, seconds)
        )
        steps.append(Step(rate, answers, {name: phase.cores for name, phase in used.items()}))
    return steps


def table(steps: Sequence[Step]) -> Iterator[str]:
    """A row for each rate."""
    yield "| a second | p50 | p95 | p99 | not sent | CPU in % of a core |"
    yield "|---|---|---|---|---|---|"
    for step in steps:
        ms = " | ".join(f"{step.answers.percentile_ms(percent):.1f} ms" for percent in (50, 95, 99))
        cpu = ", ".join(f"{name} {100 * used:.0f}" for name, used in step.cores.items())
        yield f"| {step.rate} | {ms} | {step.answers.unsent} | {cpu} |"


def main() -> int:
    """Read the arguments, measure, and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=RATES, help="requests a second")
    parser.add_argument("--seconds", type=float, default=30, help="at each rate, 8 at least")
    chosen = parser.parse_args()
    with stack(RATE_LIMITS="off") as up:
        steps = uvloop.run(measure(up, chosen.rates, chosen.seconds))
    print_lines([*table(steps), "", f"answers {dict(steps[-1].answers.statuses)}"])
    return 0 if steps[-1].is_held else 1


if __name__ == "__main__":
    sys.exit(main())
