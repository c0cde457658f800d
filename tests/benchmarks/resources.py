"""Memory and CPU of an API and a worker: `python -m tests.benchmarks.resources`.

One of each, on embedded servers and loopback, first idle, then at a constant rate of requests of
which some create tasks, until `--seconds` are over. A request is sent when it is due, however slow
those before it are; its latency counts from then. The limits in deploy/compose come from this.
"""

import argparse
import asyncio
import os
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import cycle, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import httpx2
import uvloop

from tests.support.api import bearer, sign_up
from tests.support.running import Up, free_port

CONNECTIONS = 60
MAX_DELAY_S = 2.0  # a request that is later is not sent: machine or service do not keep up
SAMPLE_INTERVAL_S = 2.0
STOP_TIMEOUT_S = 60
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
NAMES = ("api", "worker")
SECRET = "a-benchmark-of-0123456789-abcdefghij"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process."""

    at: float
    cpu_s: float
    rss_mib: float


@dataclass(slots=True)
class Load:
    """What was sent, and how it was answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    unsent: int = 0
    latencies_s: list[float] = field(default_factory=list)


def requests(port: int, authorization: str, tasks_in_ten: int) -> Iterator[bytes]:
    """Requests without end: so many of ten create a task, the others read and write birthdays."""
    head = f"Host: 127.0.0.1:{port}\r\nAuthorization: {authorization}\r\n"
    born, task = b'{"dateOfBirth": "1990-02-28"}', b'{"kind": "echo", "data": {"n": 1}}'
    others = (
        _request("PUT", "/hello/Zoe", "", born),
        _request("GET", "/hello/Zoe", ""),
        _request("GET", "/users/me", head),
        _request("GET", "/hello/Zoe", ""),
        _request("GET", "/items", head),
        _request("GET", "/hello/Zoe", ""),
    )
    creating, other = _request("POST", "/tasks", head, task), cycle(others)
    for number in cycle(range(10)):
        yield creating if number * tasks_in_ten % 10 < tasks_in_ten else next(other)


def _request(method: str, path: str, head: str, body: bytes = b"") -> bytes:
    head = head or "Host: 127.0.0.1\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def send(port: int, sequence: Iterator[bytes], rate: int, seconds: float) -> Load:
    """Send `rate` requests a second."""
    load, due = Load(), asyncio.Queue[tuple[float, bytes] | None]()
    connections = [asyncio.create_task(_connection(port, due, load)) for _ in range(CONNECTIONS)]
    began = monotonic()
    for number in range(int(rate * seconds)):
        at = began + number / rate
        if (wait := at - monotonic()) > 0:
            await asyncio.sleep(wait)
        due.put_nowait((at, next(sequence)))
    for _ in connections:
        due.put_nowait(None)
    await asyncio.gather(*connections)
    return load


async def _connection(
    port: int, due: asyncio.Queue[tuple[float, bytes] | None], load: Load
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (given := await due.get()) is not None:
        at, request = given
        if monotonic() - at > MAX_DELAY_S:
            load.unsent += 1
            continue
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length or 0))
        load.statuses[int(head[9:12])] += 1
        load.latencies_s.append(monotonic() - at)
    writer.close()


class Samples:
    """Looks at the processes at intervals."""

    def __init__(self, up: Up) -> None:
        """Find API and worker among the processes of the stack."""
        found = {_command(pid): pid for pid in up.pids}
        self._pids = {name: found[name] for name in NAMES}
        self.taken: dict[str, list[Sample]] = {name: [] for name in NAMES}

    async def run(self, seconds: float) -> None:
        """Take samples for so long."""
        until = monotonic() + seconds
        self.taken = {name: [] for name in NAMES}
        while monotonic() < until:
            for name, pid in self._pids.items():
                self.taken[name].append(_sample(pid))
            await asyncio.sleep(SAMPLE_INTERVAL_S)

    def cpu_s(self, name: str) -> float:
        """How much CPU the process used in all that time."""
        samples = self.taken[name]
        return samples[-1].cpu_s - samples[0].cpu_s

    def table(self) -> Iterator[str]:
        """A line a process: CPU, memory, and how much of it came in the second half."""
        for name, samples in self.taken.items():
            cpu = [100 * (b.cpu_s - a.cpu_s) / (b.at - a.at) for a, b in pairwise(samples)]
            memory = [sample.rss_mib for sample in samples]
            middle = memory[len(memory) // 2]
            yield (
                f"{name:<8} CPU {statistics.fmean(cpu):5.1f} % (most {max(cpu):5.1f} %)"
                f"  memory {max(memory):6.1f} MiB (second half {memory[-1] - middle:+.1f} MiB)"
            )


def _command(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return next((name for name in NAMES if name in words), "")


def _sample(pid: int) -> Sample:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return Sample(monotonic(), (int(fields[11]) + int(fields[12])) / TICKS_PER_S, memory)


@contextmanager
def stack() -> Iterator[Up]:
    """An API, a worker and their servers, as in production but for TLS and the network."""
    with TemporaryDirectory() as folder:
        at = Path(folder)
        up = Up(
            at / "data",
            at,
            ENVIRONMENT="production",
            SECRET_KEY=SECRET,
            METRICS_PORT=str(free_port()),
            WORKER_METRICS_PORT=str(free_port()),
        )
        try:
            yield up.ready()
        finally:
            up.process.terminate()
            up.process.wait(STOP_TIMEOUT_S)
            up.end()


async def measure(up: Up, chosen: argparse.Namespace) -> None:
    """Print the idle figures, then those under load."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{up.port}", timeout=10) as client:
        authorization = bearer(sign_up(client, "ada"))["Authorization"]
    samples = Samples(up)
    await samples.run(chosen.idle)
    _print("idle", samples.table())
    sequence = requests(up.port, authorization, round(10 * chosen.jobs / chosen.requests))
    load, _ = await asyncio.gather(
        send(up.port, sequence, chosen.requests, chosen.seconds), samples.run(chosen.seconds)
    )
    _print(f"{chosen.requests} requests/s, {chosen.jobs} of them tasks", samples.table())
    _print("answers", _answers(load))
    api, worker = samples.cpu_s("api"), samples.cpu_s("worker")
    answered, tasks = load.statuses.total(), load.statuses[HTTPStatus.ACCEPTED]
    _print(
        "CPU", [f"{1000 * api / answered:.2f} ms a request, {1000 * worker / tasks:.2f} ms a task"]
    )


def _answers(load: Load) -> Iterator[str]:
    counts = " ".join(f"{status}: {count}" for status, count in sorted(load.statuses.items()))
    yield f"{counts} not sent, for they were late: {load.unsent}"
    percentiles = statistics.quantiles(load.latencies_s, n=100)
    at = {"p50": percentiles[49], "p95": percentiles[94], "p99": percentiles[98]}
    yield " ".join(f"{name} {1000 * seconds:.1f} ms" for name, seconds in at.items())


def _print(title: str, lines: Iterator[str] | Sequence[str]) -> None:
    sys.stdout.write(f"{title}\n" + "".join(f"  {line}\n" for line in lines))
    sys.stdout.flush()


def main() -> None:
    """Read the arguments, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--idle", type=float, default=30)
    parser.add_argument("--requests", type=int, default=500, help="a second")
    parser.add_argument("--jobs", type=int, default=200, help="how many of these create a task")
    chosen = parser.parse_args()
    with stack() as up:
        uvloop.run(measure(up, chosen))


if __name__ == "__main__":
    main()
