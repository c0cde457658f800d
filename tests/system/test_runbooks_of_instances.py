"""Runbooks of APIs and workers that do not answer Prometheus' scrapes."""

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from jubilee.adapters.postgres.schema import downgrade
from jubilee.adapters.postgres.statement import Driver
from tests.servers import Servers
from tests.support.api import Api, Starter
from tests.support.running import Up, eventually, free_port
from tests.system.alert_metrics import Growth, rules, selectors
from tests.system.following import MAIL, comes_true, reaches_status, shell
from tests.system.runbooks import code_of, entry, others_of

BAD_CONFIGURATION = 78
RUNNING = "SELECT count(*) FROM jobs WHERE status = 'running'"
ATTEMPTS = "SELECT attempts FROM jobs WHERE id = $1"


def is_up(port: int, timeout: float = 10.0) -> bool:
    """Return what a scrape of this port by Prometheus would give for `up`."""
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=timeout).status_code == 200
    except httpx2.HTTPError:
        return False


def ends(api: Api) -> str:
    """Wait for the end of an API that cannot start, and return its last lines."""
    assert "code 78" in entry("JubileeDown")
    assert api.process.wait(60) == BAD_CONFIGURATION
    assert not is_up(api.port)
    return "\n".join(api.lines[-3:])


@pytest.mark.follows("JubileeDown")
async def test_a_schema_that_is_behind_is_named_and_migrated(
    start_api: Starter, servers: Servers, session_url: str
) -> None:
    command = code_of("JubileeDown", "jubilee migrate")
    await asyncio.to_thread(downgrade, session_url)
    behind = start_api(session_url, servers.redis_url)
    assert f"run `{command}`" in ends(behind)
    await shell(behind.at, command, behind.urls)
    api = start_api(session_url, servers.redis_url, PORT=str(behind.port)).ready()
    assert is_up(api.port)


@pytest.mark.follows("JubileeDown")
def test_a_bad_setting_is_named_and_rolled_back(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    released = start_api(database_url, servers.redis_url, DATABASE_POOL_SIZE="-17")
    assert "DATABASE_POOL_SIZE" in ends(released)
    before = start_api(database_url, servers.redis_url, PORT=str(released.port)).ready()
    assert is_up(before.port)


@pytest.mark.follows("JubileeDown")
def test_an_api_that_answers_beside_the_scrape_has_its_metrics_on_another_port(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    method, live = code_of("JubileeDown", "GET ").split()
    setting, target = code_of("JubileeDown", "METRICS_PORT"), free_port()
    api = start_api(database_url, servers.redis_url, **{setting: str(free_port())}).ready()
    assert not is_up(target)
    assert httpx2.request(method, api.url + live).status_code == 200
    api.end()
    start_api(database_url, servers.redis_url, **{setting: str(target)}).ready()
    assert is_up(target)


@pytest.mark.follows("JubileeInstanceDown")
async def test_the_job_of_a_killed_worker_is_run_by_another_when_its_lease_ends(
    driver: Driver, start_worker: Callable[..., Up], silent_server: socket.socket, tmp_path: Path
) -> None:
    assert "when their lease ends" in entry("JubileeInstanceDown")
    ports = [free_port(), free_port()]
    silent = f"smtp://127.0.0.1:{silent_server.getsockname()[1]}"
    given = {"SMTP_URL": silent, "LEASE_SECONDS": "15", "MAIL_DIR": None}
    killed = start_worker(**given, WORKER_METRICS_PORT=str(ports[0]))
    job = await driver.fetchval(MAIL)
    assert await comes_true(lambda: driver.fetchval(RUNNING))
    start_worker(LEASE_SECONDS="15", WORKER_METRICS_PORT=str(ports[1]))
    rescued = Growth(f"http://127.0.0.1:{ports[1]}")
    killed.process.kill()
    assert killed.process.wait(60) == -signal.SIGKILL
    assert [is_up(port) for port in ports] == [False, True]
    assert await reaches_status(driver, job, "succeeded")
    assert await driver.fetchval(ATTEMPTS, job) == 2
    assert rescued.of('jobs_rescued_total{job="jubilee-worker"}') == 1
    assert len(list((tmp_path / "mail").rglob("*.eml"))) == 1


@pytest.mark.follows("JubileeInstanceDown")
def test_a_killed_api_is_replaced_while_another_answers(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    assert "Replace it" in entry("JubileeInstanceDown")
    killed, other = (start_api(database_url, servers.redis_url).ready() for _ in range(2))
    killed.process.kill()
    assert killed.process.wait(60) == -signal.SIGKILL
    assert [is_up(each.port) for each in (killed, other)] == [False, True]
    assert other.ask("/hello/Unknown").status_code == 404
    replacement = start_api(database_url, servers.redis_url, PORT=str(killed.port)).ready()
    assert is_up(replacement.port)


@pytest.mark.follows("JubileeInstanceDown")
def test_an_api_that_is_alive_but_slow_leads_to_the_lag_of_its_event_loop(api: Api) -> None:
    alert, growth = "JubileeEventLoopLags", Growth(api.url)
    assert alert in others_of("JubileeInstanceDown")
    (lag,) = selectors(rules()[alert])
    api.process.send_signal(signal.SIGSTOP)
    assert not any(is_up(api.port, timeout=0.5) for _ in range(3))
    assert api.process.poll() is None
    api.process.send_signal(signal.SIGCONT)
    assert eventually(lambda: growth.share_above(0.25, lag) > 0)
    assert is_up(api.port)
