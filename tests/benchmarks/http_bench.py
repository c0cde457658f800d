"""What requests cost beside the floor: `python -m tests.benchmarks.http_bench`, or `make bench`.

Each kind of request is sent to all servers in turns. Jubilee runs as in production: telemetry with
5 % of the requests sampled, access log, limits; `sampled` is the same with all of them sampled.
`--against FOLDER` adds Jubilee from the sources of another commit.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import uvloop

from tests.benchmarks.http_load import REQUESTS, Load
from tests.benchmarks.interleaved import Contender, Score, compete, pin
from tests.benchmarks.stack import SECRET, print_lines, stack
from tests.benchmarks.telemetry_cost import collector
from tests.support.api import Api
from tests.support.running import Up, eventually, free_port

QUICK_HASH = {"PASSWORD_HASH_TIME_COST": "1", "PASSWORD_HASH_MEMORY_KIB": "8192"}
PEERS = {"A plaintext": "plaintext", "B* held connections": "held_connections"}
KINDS_OF_PEERS = {"A plaintext": {"live"}, "B* held connections": {"hello"}}
SERVER_CORE, OTHER_CORE = 0, 1


@dataclass(frozen=True, slots=True)
class Server:
    """A process that is measured."""

    name: str
    pid: int
    port: int


@contextmanager
def jubilee(name: str, up: Up, ratio: str, endpoint: str, source: Path | None) -> Iterator[Server]:
    """Run an API on the servers of the stack, from the sources of this commit or another one."""
    at = Path(mkdtemp())
    env = {
        "ENVIRONMENT": "production",
        "SECRET_KEY": SECRET,
        "METRICS_PORT": str(free_port()),
        "RATE_LIMITS": "write=900000/60,read=900000/60,anonymous=900000/60",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": ratio,
        **QUICK_HASH,
        **({"PYTHONPATH": str(source / "src")} if source else {}),
    }
    api = Api(at, up.run.database_url or "", up.run.redis_url or "", **env)
    try:
        api.ready()
        pin(api.process.pid, SERVER_CORE)
        yield Server(name, api.process.pid, api.port)
    finally:
        api.end()


@contextmanager
def peer(name: str, module: str, up: Up) -> Iterator[Server]:
    """Run another way to write the endpoint."""
    port = free_port()
    command = (sys.executable, "-m", f"tests.benchmarks.peers.{module}", str(port))
    with subprocess.Popen((*command, up.run.database_url or "")) as process:
        assert eventually(lambda: _listens(port)), name
        pin(process.pid, SERVER_CORE)
        yield Server(name, process.pid, port)
        process.terminate()


def _listens(port: int) -> bool:
    command = (
        sys.executable,
        "-c",
        f"import socket; socket.create_connection(('127.0.0.1', {port}))",
    )
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def measure(
    servers: Sequence[Server], load: Load, kinds: Sequence[str], *, rounds: int, requests: int
) -> Mapping[str, Mapping[str, Score]]:
    """Measure each kind of request on the servers that know it."""
    found = {}
    for kind in kinds:
        contenders = [
            Contender(server.name, server.pid, server.port, load.requests(kind))
            for server in servers
            if kind in KINDS_OF_PEERS.get(server.name, REQUESTS)
        ]
        found[kind] = uvloop.run(compete(contenders, rounds=rounds, requests=requests))
        print_lines(table({kind: found[kind]}))
    return found


def table(found: Mapping[str, Mapping[str, Score]]) -> Iterator[str]:
    """Format the rows of a table."""
    for kind, scores in found.items():
        for name, score in scores.items():
            row = score.summary
            yield (
                f"| {kind:<6} | {name:<20} | {row['cpu_us']:6.0f} "
                f"({row['cpu_us_min']:.0f} to {row['cpu_us_max']:.0f}) "
                f"| {row['rate']:6.0f} | {row['p50_ms']:6.1f} | {row['p99_ms']:6.1f} "
                f"| {row['share']:4.2f} |"
            )


def opened(ends: ExitStack, up: Up, names: Sequence[str], against: Path | None) -> list[Server]:
    """Start what is measured."""
    endpoint = ends.enter_context(collector())
    servers = [ends.enter_context(jubilee("jubilee", up, "0.05", endpoint, None))]
    if "sampled" in names:
        servers.append(ends.enter_context(jubilee("jubilee, all sampled", up, "1", endpoint, None)))
    if against is not None:
        servers.append(ends.enter_context(jubilee("before", up, "0.05", endpoint, against)))
    if "peers" in names:
        servers += [ends.enter_context(peer(name, module, up)) for name, module in PEERS.items()]
    return servers


def main() -> int:
    """Print the table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--kinds", default=",".join(REQUESTS))
    parser.add_argument("--servers", default="sampled,peers", help="beside Jubilee itself")
    parser.add_argument("--against", type=Path, help="folder of another commit")
    parser.add_argument("--json", type=Path, help="file of the raw figures")
    chosen = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # the servers that are measured have a core of their own
        os.sched_setaffinity(0, {OTHER_CORE})
    with stack(**QUICK_HASH, RATE_LIMITS="off") as up, ExitStack() as ends:
        load = Load.prepare(f"http://127.0.0.1:{up.port}")
        servers = opened(ends, up, chosen.servers.split(","), chosen.against)
        found = measure(
            servers,
            load,
            chosen.kinds.split(","),
            rounds=chosen.rounds,
            requests=chosen.requests,
        )
    if chosen.json:
        raw = {kind: {n: s.summary for n, s in scores.items()} for kind, scores in found.items()}
        chosen.json.write_text(json.dumps(raw, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
