"""The whole service with a replica under a small load, watched by a real Prometheus."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.monitoring.exporters import exporter
from tests.monitoring.prometheus import MONITORING, Prometheus
from tests.replication import Standby, standby
from tests.support.api import PASSWORD, bearer, run, sign_in, sign_up
from tests.support.receiver import Receiver, receiver
from tests.support.running import PATIENT, UP, Up, eventually, free_port

PAUSE = 0.2  # seconds between two rounds
LOAD = 8.0  # seconds
SERVING = 'db_replica_state{state="serving"} 1.0'
SENDS = {
    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": "0.05",
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
    "OTEL_METRIC_EXPORT_INTERVAL": "2000",
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A service, the Prometheus that scrapes it, and the collector that it sends to."""

    up: Up
    prometheus: Prometheus
    collector: Receiver


@contextmanager
def watched(at: Path) -> Iterator[Watched]:
    """`jubilee up` and a Prometheus that scrapes it and the exporters' samples every second."""
    with ExitStack() as ends:
        worker = free_port()
        collector = ends.enter_context(receiver())
        replica = ends.enter_context(standby())
        env = {
            **PATIENT,
            "DATABASE_REPLICA_URL": replica.url,
            "WORKER_METRICS_PORT": str(worker),
            "LOG_LEVEL": "WARNING",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            **SENDS,
        }
        up = Up(at / "data", at, UP, **env)
        ends.callback(up.end)
        _follow(replica, up.ready())
        samples = MONITORING / "samples"
        targets = {
            "api:9102": f"127.0.0.1:{up.port}",
            "worker:9101": f"127.0.0.1:{worker}",
            "postgres-exporter:9187": ends.enter_context(
                exporter(samples / "postgres_exporter.txt")
            ),
            "cadvisor:8080": ends.enter_context(exporter(samples / "cadvisor.txt")),
        }
        prometheus = Prometheus(at, targets)
        ends.callback(prometheus.end)
        assert eventually(lambda: len(prometheus.ready().query("up == 1")) == 4), prometheus.get(
            "targets", state="active"
        )
        yield Watched(up, prometheus, collector)


def _follow(replica: Standby, up: Up) -> None:
    """Make it the replica of the service's database, which reads from it from then on."""
    query = parse_qs(urlsplit(up.run.database_url or "").query)
    replica.follow(Path(query["host"][0]))
    metrics = f"http://127.0.0.1:{up.port}/metrics"
    assert eventually(lambda: SERVING in httpx2.get(metrics, timeout=60).text), up.output


def load(up: Up, seconds: float = LOAD) -> None:
    """A handful of requests a second, of every kind, until the time is over."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{up.port}", timeout=60) as client:
        headers = bearer(sign_up(client, "zoe"))
        admin = bearer(_admin(up, client))
        deadline = time.monotonic() + seconds
        number = 0
        while time.monotonic() < deadline:
            number += 1
            _round(client, headers, number)
            client.get("/birthdays/today", headers=admin).raise_for_status()
            time.sleep(PAUSE)


def _round(client: httpx2.Client, headers: dict[str, str], number: int) -> None:
    """What a person might do, and some mistakes."""
    item = {"title": f"Engine {number}", "description": "of brass"}
    made = client.post("/items", json=item, headers=headers)
    client.get(made.headers["Location"], headers=headers).raise_for_status()
    client.get("/items", headers=headers).raise_for_status()
    name = f"Mia{'a' * (number % 20)}"  # no account's name, so saving needs no sign-in
    client.put(f"/hello/{name}", json={"dateOfBirth": "1990-02-28"}).raise_for_status()
    client.get(f"/hello/{name}").raise_for_status()
    task = client.post("/tasks", json={"data": {"number": number}}, headers=headers)
    client.get(f"/tasks/{task.json()['id']}?wait=5", headers=headers).raise_for_status()
    assert client.get("/nowhere").status_code == 404


def _admin(up: Up, client: httpx2.Client) -> dict[str, str]:
    who = ("--email", "ada@example.com", "--username", "ada", "--password-stdin")
    env = {"DATABASE_URL": up.run.database_url, "REDIS_URL": up.run.redis_url}
    made = run(up.data.parent, "admin", "create", *who, stdin=PASSWORD + "\n", **env)
    assert made.returncode == 0, made.stderr
    return sign_in(client, "ada")
