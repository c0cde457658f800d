"""Runbooks of the processes, followed on those that lag, are killed, or use memory and CPU."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from jubilee.adapters.postgres.statement import Driver
from tests.servers import Servers
from tests.support.api import COMMAND, NO_REDIS, NOWHERE, PASSWORD, Api, Starter, bearer, sign_up
from tests.support.forked import PYTHON
from tests.support.running import USUAL_HASH, Up, eventually
from tests.system.alert_metrics import panel, rules
from tests.system.chaos.kinds import SCHEMA
from tests.system.following import STATUS, Env, reaches_status
from tests.system.runbooks import code_of, others_of
from tests.system.watching import alerted, quantile, scrape, shown

LAGS, RESTARTED = "JubileeEventLoopLags", "JubileeProcessRestarted"
MEMORY, CPU = "JubileeMemoryHigh", "JubileeCpuHigh"
MIB = 1 << 20
SIGN_INS = 12
BLOCKING = """SELECT jubilee.enqueue('chaos.blocking', '{"seconds": 1}')"""


Read: TypeAlias = Callable[[str], float]


class Interval:
    """What a process shows of an interval that begins now."""

    def __init__(self, port: int) -> None:
        self._port, self._began = port, time.monotonic()
        self._before = scrape(port)

    def lag(self) -> float:
        """Return the quantile of the event loop's lag that the alert reads, in seconds."""
        return quantile(0.99, rules()[LAGS], scrape(self._port), self._before)

    def rate(self, read: Read) -> float:
        """Return by how much a value has grown a second."""
        grown = read(scrape(self._port)) - read(self._before)
        return grown / (time.monotonic() - self._began)


def cpu_shown(metrics: str) -> float:
    """Return the seconds of CPU time that the panel shows."""
    return shown(metrics, LAGS, "CPU")


def cpu_alerted(metrics: str) -> float:
    """Return the seconds of CPU time that the alert reads."""
    return sum(alerted(metrics, CPU).values())


def lag_of_next(port: int, seconds: float) -> float:
    """Return the lag of the next seconds."""
    interval = Interval(port)
    time.sleep(seconds)
    return interval.lag()


def throttle(pid: int) -> None:
    """Let a process run for half of the time, as a limit of its container's CPU does."""
    for number in (signal.SIGSTOP, signal.SIGCONT) * 2:
        os.kill(pid, number)
        time.sleep(0.35)


@pytest.mark.follows("JubileeEventLoopLags")
def test_a_throttled_api_lags_at_little_cpu_until_it_is_throttled_no_more(api: Api) -> None:
    interval = Interval(api.port)
    throttle(api.process.pid)
    assert eventually(lambda: interval.lag() > 0.2)
    assert interval.rate(cpu_shown) < 0.5
    assert eventually(lambda: lag_of_next(api.port, 1.2) < 0.2)


@pytest.fixture
def start_chaos_worker(tmp_path: Path, env: Env) -> Iterator[Callable[[], int]]:
    """Start a worker with a kind that blocks it; return the port of its metrics."""
    with ExitStack() as ends:

        def start() -> int:
            command = (*PYTHON, "tests.system.chaos.worker")
            worker = Up(tmp_path / "data", tmp_path, command, **env)
            ends.callback(worker.end)
            assert eventually(lambda: "waiting for jobs" in worker.output), worker.output
            return int(env["WORKER_METRICS_PORT"] or 0)

        yield start


@pytest.mark.follows("JubileeEventLoopLags")
async def test_the_kind_that_blocks_a_worker_is_among_those_that_it_started(
    driver: Driver, start_chaos_worker: Callable[[], int]
) -> None:
    for statement in SCHEMA:
        await driver.execute(statement)
    port = start_chaos_worker()
    interval = Interval(port)
    job = await driver.fetchval(BLOCKING)
    assert await reaches_status(driver, job, "succeeded")
    assert eventually(lambda: interval.lag() > 0.2)
    assert interval.rate(cpu_shown) < 0.7
    assert shown(scrape(port), LAGS, "Started") == 1
    assert 'jobs_started_total{kind="chaos.blocking",lane="system"} 1.0' in scrape(port)
    assert eventually(lambda: lag_of_next(port, 1.2) < 0.2)


def children(up: Up) -> set[int]:
    """Return the ids of the processes that serve."""
    return up.pids - {up.process.pid}


def restarts(port: int) -> float:
    """Return how many restarts the alert reads."""
    return sum(alerted(scrape(port), RESTARTED).values())


def causes(up: Up) -> set[str]:
    """Return why processes were started again, by the lines of their parent."""
    line, cause = code_of(RESTARTED, "process will"), code_of(RESTARTED, "cause")
    said = [json.loads(one) for one in up.output.splitlines() if line in one]
    assert all(one[code_of(RESTARTED, "child")] in {1, 2} for one in said)
    return {one[cause].rpartition(" ")[2] for one in said}


@pytest.mark.follows("JubileeProcessRestarted")
def test_processes_that_are_killed_or_crash_are_named_by_their_parent(start_api: Starter) -> None:
    setting = code_of(RESTARTED, "WEB_CONCURRENCY")
    pair = start_api(NOWHERE, NO_REDIS, LOG_FORMAT="json", **{setting: "2"}).live()
    assert eventually(lambda: len(children(pair)) == 2)
    killed, crashed = children(pair)
    os.kill(killed, signal.SIGKILL)
    os.kill(crashed, signal.SIGSEGV)
    assert eventually(lambda: pair.is_live() and restarts(pair.port) == 2)
    assert causes(pair) == {"137", "139"}
    assert pair.interrupt() == 0
    fewer = start_api(NOWHERE, NO_REDIS, **{setting: "1"}).live()
    assert restarts(fewer.port) == 0
    assert others_of(RESTARTED) == {LAGS}


@pytest.fixture
def fragile_worker(tmp_path: Path, env: Env) -> Iterator[Up]:
    """A worker of two processes, which gives up a job that has ended one of them."""
    given = {code_of(RESTARTED, "WORKER_CONCURRENCY"): "2", "LEASE_SECONDS": "10"}
    given |= {
        code_of(RESTARTED, "JOB_MAX_CRASHES"): "1",
        "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    worker = Up(tmp_path / "data", tmp_path, (*COMMAND, "worker"), **{**env, **given})
    yield worker
    worker.end()


@pytest.mark.follows("JubileeProcessRestarted")
async def test_a_job_that_ends_its_worker_is_found_dead_and_discarded(
    driver: Driver, api: Api, fragile_worker: Up, silent_server: socket.socket, env: Env
) -> None:
    port = int(env["WORKER_METRICS_PORT"] or 0)
    with api.client() as client:
        zoe = bearer(sign_up(client, "zoe"))
        url = f"http://127.0.0.1:{silent_server.getsockname()[1]}/"
        task = {"kind": "http.request", "data": {"url": url}}
        job = client.post("/tasks", json=task, headers=zoe).json()["id"]
        assert await reaches_status(driver, job, "running")
        for pid in children(fragile_worker):
            os.kill(pid, signal.SIGKILL)
        assert await reaches_status(driver, job, "dead")
        (dead,) = client.get(code_of(RESTARTED, "GET ")[4:], headers=zoe).json()["items"]
        assert (dead["id"], dead["error"]["code"]) == (job, code_of(RESTARTED, "worker_crashed"))
        assert restarts(port) >= 1
        assert client.delete(f"/tasks/{job}", headers=zoe).status_code == 204
    assert await driver.fetchval(STATUS, job) is None


def resident(api: Api) -> float:
    """Return the memory of the process in MiB, as the panel shows it."""
    return shown(scrape(api.port), MEMORY, "Memory of the processes") / MIB


def upload(api: Api, headers: dict[str, str], size: int) -> socket.socket:
    """Send an item of so many bytes but the last one."""
    connection = socket.create_connection(("127.0.0.1", api.port), timeout=30)
    head = f"POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\nConnection: close\r\n"
    head += "Content-Type: application/json\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(head.encode() + b"\r\n" + b'{"title":"a"' + b" " * (size - 13))
    return connection


@pytest.mark.follows("JubileeMemoryHigh")
def test_memory_follows_bodies_up_to_their_limit_and_a_restart_drains(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    given = {code_of(MEMORY, "MAX_BODY_BYTES"): str(8 * MIB), "SHUTDOWN_TIMEOUT": "60"}
    api = start_api(database_url, servers.redis_url, **given).ready()
    with api.client() as client:
        zoe = bearer(sign_up(client, "zoe"))
        too_long = client.post("/items", content=b"a" * (8 * MIB + 1), headers=zoe)
        assert too_long.status_code == 413
    before = resident(api)
    with ExitStack() as ends:
        uploads = [ends.enter_context(upload(api, zoe, 8 * MIB)) for _ in range(4)]
        assert eventually(lambda: resident(api) - before > 25)
        api.process.terminate()
        assert eventually(lambda: not api.is_ready())
        for one in uploads:
            one.sendall(b"}")
            with one.makefile("rb") as answer:
                assert answer.read().startswith(b"HTTP/1.1 201 ")
    assert api.process.wait(30) == 0
    fresh = start_api(database_url, servers.redis_url, **given).ready()
    assert resident(fresh) < before + 15


def cpu_of_sign_ins(*apis: Api) -> float:
    """Sign in at these in turns; return the seconds of CPU time that the first one has used."""
    form = {"username": "zoe", "password": PASSWORD}
    before = cpu_alerted(scrape(apis[0].port))
    with ExitStack() as ends:
        clients = [ends.enter_context(api.client()) for api in apis]
        for number in range(SIGN_INS):
            answer = clients[number % len(apis)].post("/auth/token", data=form)
            assert answer.status_code == 200
    return cpu_alerted(scrape(apis[0].port)) - before


@pytest.mark.follows("JubileeCpuHigh")
def test_sign_ins_use_cpu_without_lag_and_another_instance_takes_its_share(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    given = {**USUAL_HASH, "PASSWORD_HASH_TIME_COST": "4", "RATE_LIMITS": "off"}
    one, other = [start_api(database_url, servers.redis_url, **given).ready() for _ in range(2)]
    with one.client() as client:
        sign_up(client, "zoe")
    alone = cpu_of_sign_ins(one)
    assert alone / SIGN_INS > 0.01  # of a request without a password it is a thousandth
    assert shown(scrape(one.port), CPU, "Requests by endpoint") > SIGN_INS
    assert quantile(0.5, panel(CPU, "Event loop lag"), scrape(one.port)) < 0.2
    assert cpu_of_sign_ins(one, other) < 0.7 * alone
