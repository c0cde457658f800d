"""A service with an unusable collector serves, works and ends as usual."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median

import httpx2
import pytest

from tests.servers import Servers
from tests.support.api import COMMAND, Api, Starter, bearer, sign_up, starter
from tests.support.running import PATIENT, Up, eventually, free_port
from tests.telemetry.collectors import UNUSABLE_COLLECTORS, silent

SIGNALS = ("traces", "metrics", "logs")
OFTEN = {
    "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    "OTEL_BSP_SCHEDULE_DELAY": "100",
    "OTEL_METRIC_EXPORT_INTERVAL": "200",
    "OTEL_BLRP_SCHEDULE_DELAY": "100",
}
FLUSH_S = 5.0  # timeout of the last export
MARGIN_S = 3.0  # tolerance for a loaded machine

Collector = Callable[[], AbstractContextManager[str]]


@pytest.fixture
def start_api(tmp_path: Path) -> Iterator[Starter]:
    yield from starter(tmp_path)


def seconds_for(client: httpx2.Client) -> float:
    began = time.perf_counter()
    assert client.get("/hello/unknown").status_code == 404
    return time.perf_counter() - began


def seconds_to_end(api: Api) -> float:
    """Send SIGTERM and return the seconds until the process has ended."""
    began = time.monotonic()
    api.process.terminate()
    assert api.process.wait(60) == 0, api.output
    return time.monotonic() - began


def counts_failures(api: Api) -> bool:
    """Return whether failures of every signal are counted."""
    text = api.ask("/metrics").text
    lines = [f'telemetry_export_failures_total{{signal="{signal}"}} ' for signal in SIGNALS]
    return all(line in text and f"{line}0.0" not in text for line in lines)


@pytest.mark.timing(waits=True)
@pytest.mark.parametrize("collector", UNUSABLE_COLLECTORS.values(), ids=UNUSABLE_COLLECTORS)
def test_an_unusable_collector_does_not_slow_requests_and_failures_are_counted(
    start_api: Starter, servers: Servers, database_url: str, collector: Collector
) -> None:
    with collector() as url:
        urls = (database_url, servers.redis_url)
        plain = start_api(*urls)
        api = start_api(*urls, OTEL_EXPORTER_OTLP_ENDPOINT=url, **OFTEN)
        with api.ready().client() as exporting, plain.ready().client() as alone:
            times = [(seconds_for(exporting), seconds_for(alone)) for _ in range(150)]
        with_it, without = zip(*times, strict=True)
        assert median(with_it) < 2 * median(without) + 0.005
        assert sorted(with_it)[-10] < 0.5  # an export's timeout is longer
        assert eventually(lambda: counts_failures(api), within=60), api.ask("/metrics").text
        assert "opentelemetry" not in api.output
        assert "urllib3" not in api.output


@pytest.mark.timing(waits=True)
def test_a_silent_collector_delays_shutdown_by_the_flush_timeout_at_most(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    with silent() as url:
        urls = (database_url, servers.redis_url)
        plain = start_api(*urls)
        api = start_api(*urls, OTEL_EXPORTER_OTLP_ENDPOINT=url)
        with api.ready().client() as client:
            seconds_for(client)
        usual = seconds_to_end(plain.ready())
        assert seconds_to_end(api) < usual + FLUSH_S + MARGIN_S


def test_a_job_runs_while_the_collector_is_silent(
    start_api: Starter, servers: Servers, database_url: str, tmp_path: Path
) -> None:
    with silent() as url:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "WORKER_METRICS_PORT": str(free_port()), **OFTEN}
        api = start_api(database_url, servers.redis_url, **env)
        worker = Up(api.data, tmp_path, (*COMMAND, "worker"), **env, **api.urls, **PATIENT)
        try:
            with api.ready().client(timeout=60) as client:
                headers = bearer(sign_up(client, "zoe"))
                task = client.post("/tasks", json={"data": {"n": 1}}, headers=headers).json()
                path = f"/tasks/{task['id']}?wait=50"
                assert client.get(path, headers=headers).json()["status"] == "succeeded"
            worker.process.terminate()
            assert worker.process.wait(60) == 0, worker.output
        finally:
            worker.end()
