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

from tests.benchmarks.http_load import FEW_CONNECTIONS, REQUESTS, Load
from tests.benchmarks.interleaved import CONNECTIONS, Contender, Score, compete, pin
from tests.benchmarks.stack import SECRET, print_lines, stack
from tests.benchmarks.telemetry_cost import collector
from tests.support.api import Api
from tests.support.running import QUICK_HASH, Up, eventually, free_port

PEERS = {
    "A plaintext": "plaintext",
    "B* held connections": "held_connections",
    "D FastAPI, async ORM": "fastapi_orm",
    "E FastAPI, tutorial": "fastapi_tutorial",
    "F Litestar, repository": "litestar_repository",
}
KINDS_OF_PEERS = {name: {"hello"} for name in PEERS} | {"A plaintext": {"live"}}
SERVER_CORE, OTHER_CORE = 0, 1
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Server:
    """A process that is measured."""

    name: str
    pid: int
    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def jubilee(name: str, up: Up, ratio: str, endpoint: str, source: Path = ROOT) -> Iterator[Server]:
    """Run an API on the servers of the stack, from the sources of this commit or another one."""
    at = Path(mkdtemp())
    env = {
        "ENVIRONMENT": "production",
        "SECRET_KEY": SECRET,
        "DATABASE_POOL_SIZE": "10",  # as B* has
        "METRICS_PORT": str(free_port()),
        "RATE_LIMITS": "write=900000/60,read=900000/60,anonymous=900000/60,sign-in=900000/60",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": ratio,
        **QUICK_HASH,
        # Also where it changes nothing: with it the process is a new one, not a fork of another.
        "PYTHONPATH": str(source / "src"),
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
        try:
            assert eventually(lambda: _listens(port)), name
            pin(process.pid, SERVER_CORE)
            yield Server(name, process.pid, port)
        finally:
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
    loads = {each.name: load if each.name in PEERS else load.at(each.url) for each in servers}
    for kind in kinds:
        contenders = [
            Contender(server.name, server.pid, server.port, loads[server.name].requests(kind))
            for server in servers
            if kind in KINDS_OF_PEERS.get(server.name, REQUESTS)
        ]
        few = FEW_CONNECTIONS.get(kind, CONNECTIONS)
        run = compete(contenders, rounds=rounds, requests=requests, connections=few)
        found[kind] = uvloop.run(run)
        print_lines(table({kind: found[kind]}))
    return found


def table(found: Mapping[str, Mapping[str, Score]]) -> Iterator[str]:
    """Format the rows of a table."""
    for kind, scores in found.items():
        for name, score in scores.items():
            row = score.summary
            yield (
                f"| {kind:<6} | {name:<22} | {row['cpu_us']:6.0f} "
                f"({row['cpu_us_min']:.0f} to {row['cpu_us_max']:.0f}) "
                f"| {row['rate']:6.0f} | {row['p50_ms']:6.1f} | {row['p99_ms']:6.1f} "
                f"| {row['share']:4.2f} |"
            )


def plot(raw: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Draw a bar of the CPU for each row."""
    bars = [
        (f"{kind}: {name}", row["cpu_us"])
        for kind, rows in raw.items()
        for name, row in rows.items()
    ]
    most = max(cpu for _, cpu in bars)
    lines = []
    for number, (text, cpu) in enumerate(bars):
        y, width = 24 + 22 * number, 380 * cpu / most
        lines.append(f'<text x="8" y="{y}">{text}</text>')
        lines.append(f'<rect x="230" y="{y - 12}" width="{width:.0f}" height="14"/>')
        lines.append(f'<text x="{236 + width:.0f}" y="{y}">{cpu:.0f} us</text>')
    size = f'width="700" height="{24 + 22 * len(bars)}"'
    style = "text{font:12px sans-serif}rect{fill:#4878a8}"
    body = "".join(f"{line}\n" for line in lines)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{style}</style>\n{body}</svg>\n'


def opened(ends: ExitStack, up: Up, names: Sequence[str], against: Path | None) -> list[Server]:
    """Start what is measured."""
    endpoint = ends.enter_context(collector())
    servers = [ends.enter_context(jubilee("jubilee", up, "0.05", endpoint))]
    if "sampled" in names:
        servers.append(ends.enter_context(jubilee("jubilee, all sampled", up, "1", endpoint)))
    if against is not None:
        servers.append(ends.enter_context(jubilee("before", up, "0.05", endpoint, against)))
    if "peers" in names:
        servers += [ends.enter_context(peer(name, module, up)) for name, module in PEERS.items()]
    return servers


def chosen() -> argparse.Namespace:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--kinds", default=",".join(REQUESTS))
    parser.add_argument("--servers", default="sampled,peers", help="beside Jubilee itself")
    parser.add_argument("--against", type=Path, help="folder of another commit")
    parser.add_argument("--json", type=Path, help="file of the raw figures")
    parser.add_argument("--svg", type=Path, help="file of a plot")
    return parser.parse_args()


def main() -> int:
    """Print the table, and write it as JSON."""
    options = chosen()
    if hasattr(os, "sched_setaffinity"):  # the servers that are measured have a core of their own
        os.sched_setaffinity(0, {OTHER_CORE})
    with stack(**QUICK_HASH, RATE_LIMITS="off") as up, ExitStack() as ends:
        load = Load.prepare(f"http://127.0.0.1:{up.port}")
        servers = opened(ends, up, options.servers.split(","), options.against)
        found = measure(
            servers,
            load,
            options.kinds.split(","),
            rounds=options.rounds,
            requests=options.requests,
        )
    raw = {kind: {n: s.summary for n, s in scores.items()} for kind, scores in found.items()}
    if options.json:
        options.json.parent.mkdir(exist_ok=True)
        options.json.write_text(json.dumps(raw, indent=1) + "\n")
    if options.svg:
        options.svg.write_text(plot(raw))
    return 0


if __name__ == "__main__":
    sys.exit(main())
