"""What telemetry costs a request: `python -m tests.benchmarks.telemetry_cost`.

The whole application, over a PostgreSQL of its own, is asked for `GET /hello/{name}` as uvicorn
asks it; a block of requests with some of the telemetry stands just before or after one without.
The median of the differences counts, in microseconds of CPU a request, of the thread of the event
loop. What the threads that write and send need meanwhile, and to finish, is added to it.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from time import process_time, thread_time
from typing import Any, TypeAlias

import httpx2
import uvloop
from starlette.types import ASGIApp, Message, Scope

from jubilee.adapters.telemetry.http import HttpTelemetry
from jubilee.adapters.telemetry.line_writer import LineWriter
from jubilee.adapters.telemetry.logs import Logs
from jubilee.bootstrap.application import Application, open_application
from jubilee.bootstrap.garbage_collection import freeze_startup_objects
from jubilee.bootstrap.http import http_options
from jubilee.bootstrap.logs import log_context
from jubilee.bootstrap.telemetry import ProcessInfo
from jubilee.commands.reading import read_settings
from jubilee.entrypoints.http.app import build_app
from jubilee.entrypoints.http.framework.context import InFlightRequests
from jubilee.observation.requests import NO_REQUEST_OBSERVER
from jubilee.settings import Settings
from tests.support.running import Up, free_port

RATIO = "0.05"
BOUND = 45.0  # us: what all of it may cost
AT_A_TIME = 16  # requests
BLOCK = 160  # requests: so few that a slow moment of the machine meets both of a pair
WARM_UP = 2000  # requests
SCOPE: Scope = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/hello/Zoe",
    "raw_path": b"/hello/Zoe",
    "query_string": b"",
    "root_path": "",
    "headers": [
        (b"host", b"localhost:8000"),
        (b"user-agent", b"curl/7.88.1"),
        (b"accept", b"*/*"),
    ],
    "client": ("127.0.0.1", 50_000),
    "server": ("127.0.0.1", 8000),
}

Finish: TypeAlias = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds of CPU a request: without telemetry and with some, and of other threads."""

    pairs: list[tuple[float, float]]
    elsewhere: float


class LinesAlone(HttpTelemetry):
    """Writes the access line, and counts nothing."""

    def _count(self, record: Any) -> None:
        pass


class CountsAlone(HttpTelemetry):
    """Counts, and writes nothing."""

    def _write(self, *_: Any) -> None:
        pass


ABOUT = {
    "off": "no metrics, no access line, no sampling: against itself",
    "metrics": "what is counted",
    "lines": "the access line, as JSON",
    "traces": f"deciding who is sampled; spans of {RATIO}, over OTLP",
    "all": "all of it; lines over OTLP, too",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """A part of the telemetry; `statements` are counted and traced, or not.

    `settle` tells of the requests that have been gathered.
    """

    app: ASGIApp
    statements: bool
    settle: Callable[[], None]


def variants(settings: Settings, opened: Application) -> Mapping[str, Variant]:
    """From nothing to all of it."""
    telemetry, whole = opened.telemetry, http_options(settings, opened)
    off = replace(whole, meter=NO_REQUEST_OBSERVER, trace=lambda app: app)
    log = telemetry.http._access_log
    counts, lines = (kind(telemetry.instruments, log) for kind in (CountsAlone, LinesAlone))
    options = {
        "off": (off, False, _nothing),
        "metrics": (replace(off, meter=counts), True, counts.flush),
        "lines": (replace(off, meter=lines), False, lines.flush),
        "traces": (replace(whole, meter=NO_REQUEST_OBSERVER), True, _nothing),
        "all": (whole, True, telemetry.http.flush),
    }
    return {
        name: Variant(build_app(opened.services, chosen, InFlightRequests()), statements, settle)
        for name, (chosen, statements, settle) in options.items()
    }


class Bench:
    """Asks, and looks at the clock."""

    def __init__(self, settings: Settings, opened: Application, finish: Finish, count: int) -> None:
        """`finish` waits until all has been written and sent."""
        self.variants = variants(settings, opened)
        self._count = count
        self._database = opened.telemetry.database
        self._heard = (self._database.executed, self._database.acquired)
        self._finish = finish

    async def cost(self, name: str) -> Cost:
        """With `count` pairs of blocks, whose order changes each time."""
        await self._block(name, WARM_UP)
        began, began_here = process_time(), thread_time()
        pairs = []
        for number in range(self._count):
            turns = ("off", name) if number % 2 else (name, "off")
            first, second = [await self._block(turn, BLOCK) for turn in turns]
            pairs.append((first, second) if number % 2 else (second, first))
        await self._finish()
        elsewhere = process_time() - began - (thread_time() - began_here)
        return Cost(pairs, elsewhere / (self._count * BLOCK) * 1e6)

    async def _block(self, name: str, requests: int) -> float:
        variant = self.variants[name]
        database: Any = self._database  # the pool asks for its observer's methods each time
        quiet: Any = _nothing, _nothing
        database.executed, database.acquired = self._heard if variant.statements else quiet
        began = thread_time()
        for _ in range(requests // AT_A_TIME):
            await asyncio.gather(*(_ask(variant.app) for _ in range(AT_A_TIME)))
        variant.settle()
        return (thread_time() - began) / requests * 1e6


async def _ask(app: ASGIApp) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200, message

    await app(dict(SCOPE), receive, send)


def _nothing(*_: object) -> None:
    pass


@contextmanager
def collector() -> Iterator[str]:
    """Where to send to."""
    command = (sys.executable, "-m", "tests.benchmarks.collector")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


async def measure(settings: Settings, count: int) -> dict[str, Cost]:
    """Everything opened, as a process opens it; lines go nowhere."""
    writer = LineWriter(os.open(os.devnull, os.O_WRONLY))
    logs = Logs(writer, log_context, level="INFO", readable=False)
    async with open_application(settings, process=ProcessInfo("api", None, logs)) as opened:

        async def finish() -> None:
            assert logs.bridge is not None
            for wait in (logs.bridge.export, opened.telemetry.tracing.provider.force_flush):
                await asyncio.to_thread(wait)
            await asyncio.to_thread(writer.flush)

        bench = Bench(settings, opened, finish, count)
        freeze_startup_objects()
        return {name: await bench.cost(name) for name in bench.variants}


def report(found: Mapping[str, Cost]) -> float:
    """Write the table; what all of it costs."""
    heads = f"{'us/request':>11}{'off beside it':>15}{'more (quartiles)':>22}{'elsewhere':>11}"
    lines, whole = [f"{'variant':<9}{heads}{'in all':>8}"], 0.0
    for name, cost in found.items():
        low, more, high = statistics.quantiles([mine - off for off, mine in cost.pairs], n=4)
        off, mine = (statistics.median(times) for times in zip(*cost.pairs, strict=True))
        whole, quartiles = more + cost.elsewhere, f"{more:+.1f} ({low:+.0f} to {high:+.0f})"
        row = f"{mine:>11.1f}{off:>15.1f}{quartiles:>22}{cost.elsewhere:>11.1f}{whole:>+8.1f}"
        lines.append(f"{name:<9}{row}  {ABOUT[name]}")
    sys.stdout.write("\n".join(lines) + "\n")
    return whole


def environment(up: Up, url: str) -> dict[str, str]:
    """Everything on."""
    return {
        "DATA_DIR": str(up.data),
        "RATE_LIMITS": "off",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": RATIO,
    }


def main() -> int:
    """Exit code 1 where it costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=500)
    chosen = parser.parse_args()
    at = Path(mkdtemp())
    with ExitStack() as ends:
        url = ends.enter_context(collector())
        up = Up(at / "data", at, LOG_LEVEL="WARNING", WORKER_METRICS_PORT=str(free_port()))
        ends.callback(up.end)
        born = {"dateOfBirth": "1990-02-28"}
        address = f"http://127.0.0.1:{up.ready().port}/hello/Zoe"
        httpx2.put(address, json=born).raise_for_status()
        os.environ.update(environment(up, url))
        if hasattr(os, "sched_setaffinity"):  # the servers keep the other cores
            os.sched_setaffinity(0, {0})
        found = uvloop.run(measure(read_settings(), chosen.pairs))
    return 0 if report(found) <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
