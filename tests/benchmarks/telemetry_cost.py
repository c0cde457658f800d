"""What telemetry costs a request: `python -m tests.benchmarks.telemetry_cost`.

One server a variant, all on one core and over the same database; they are asked in turn, forwards
and backwards, for `GET /hello/{name}`. What counts is the CPU time of the server's process, all of
its threads included; each round's difference to the server without telemetry is a pair.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic

import httpx2

from tests.system.running import Up, eventually, free_port

RATIO = "0.05"
BOUND = 40.0  # us: what all of it may cost
CONNECTIONS = 16
NAME = "Zoe"
TICKS = os.sysconf("SC_CLK_TCK")
VARIANTS = {
    "off": "nothing: no metrics, no access line, no sampling",
    "metrics": "what is counted",
    "lines": "the access line, as JSON to a pipe",
    "traces": f"asking the sampler, and spans of {RATIO} over OTLP",
    "sent": "lines and metrics, over OTLP too",
    "all": "all of it, metrics and lines over OTLP, too",
}


@dataclass(frozen=True, slots=True)
class Server:
    """One variant, running."""

    name: str
    pid: int
    port: int

    def cpu(self) -> float:
        """Seconds that the process has worked."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


async def ask(server: Server, seconds: float) -> float:
    """Keep all connections busy; microseconds of CPU a request."""
    until, began = monotonic() + seconds, server.cpu()
    counts = await asyncio.gather(*(_connection(server.port, until) for _ in range(CONNECTIONS)))
    return (server.cpu() - began) / sum(counts) * 1e6


async def _connection(port: int, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET /hello/{NAME} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()
    count = 0
    while monotonic() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.partition(b":")[2]))
        count += 1
    writer.close()
    return count


@contextmanager
def collector() -> Iterator[int]:
    """Takes whatever is sent, and looks at none of it; its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


def start(name: str, up: Up, collector: int, ends: ExitStack) -> Server:
    """One server; it answers when this returns."""
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(up.data),
        "PORT": str(port),
        "DATABASE_POOL_SIZE": "8",
        "PYTHONHASHSEED": "0",  # or the same server costs more one time than another
        "LOG_FORMAT": "json",
        "SMTP_URL": "smtp://127.0.0.1:1",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": RATIO,
        "OTEL_METRIC_EXPORT_INTERVAL": "5000",
    }
    if name in {"traces", "sent", "all"}:
        env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{collector}"
    if name == "sent":
        env["OTEL_TRACES_EXPORTER"] = "none"
    if name == "traces":
        env |= {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    command = (sys.executable, "-m", "tests.benchmarks.telemetry_server", name)
    reader = subprocess.Popen(("cat",), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    process = subprocess.Popen(command, env=env, stdout=reader.stdin)
    ends.callback(reader.wait)
    assert reader.stdin is not None
    ends.callback(reader.stdin.close)
    ends.callback(process.wait)
    ends.callback(process.terminate)
    os.sched_setaffinity(process.pid, {0})
    assert eventually(lambda: _answers(port)), name
    return Server(name, process.pid, port)


def _answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/hello/{NAME}").status_code == 200
    except httpx2.HTTPError:
        return False


async def measure(servers: Sequence[Server], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Every server's microseconds, round by round."""
    found: dict[str, list[float]] = {server.name: [] for server in servers}
    for server in servers:
        await ask(server, seconds)  # to warm up
    for number in range(rounds):
        for server in servers if number % 2 else servers[::-1]:
            found[server.name].append(await ask(server, seconds))
    return found


def report(found: dict[str, list[float]]) -> float:
    """Write the table; what all of it costs."""
    lines = [f"{'variant':<9}{'us/request':>11}{'(min-max)':>14}{'more than off':>15}"]
    more = 0.0
    for name, times in found.items():
        pairs = [mine - off for mine, off in zip(times, found["off"], strict=True)]
        spread = f"({min(times):.0f}-{max(times):.0f})"
        more = statistics.median(pairs)
        figures = f"{statistics.median(times):>11.1f}{spread:>14}{more:>+15.1f}"
        lines.append(f"{name:<9}{figures}  {VARIANTS[name]}")
    sys.stdout.write("\n".join(lines) + "\n")
    return more


def main() -> int:
    """Exit code 1 where it costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=2.0)
    chosen = parser.parse_args()
    at = Path(mkdtemp())
    os.sched_setaffinity(0, {1})
    with ExitStack() as ends:
        port = ends.enter_context(collector())
        up = Up(at / "data", at, LOG_LEVEL="WARNING", WORKER_METRICS_PORT=str(free_port()))
        ends.callback(up.end)
        up.ready()
        born = {"dateOfBirth": "1990-02-28"}
        httpx2.put(f"http://127.0.0.1:{up.port}/hello/{NAME}", json=born).raise_for_status()
        servers = [start(name, up, port, ends) for name in VARIANTS]
        found = asyncio.run(measure(servers, chosen.rounds, chosen.seconds))
    return 0 if report(found) <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
