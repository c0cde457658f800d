"""A service whose collector is not there: it serves, works and ends as ever."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median

import httpx2
import pytest

from tests.servers import Servers
from tests.support.api import COMMAND, Api, Starter, bearer, sign_up, starter
from tests.support.running import Up, eventually, free_port
from tests.telemetry.collectors import DEAD, silent

SIGNALS = ("traces", "metrics", "logs")
OFTEN = {
    "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    "OTEL_BSP_SCHEDULE_DELAY": "100",
    "OTEL_METRIC_EXPORT_INTERVAL": "200",
    "OTEL_BLRP_SCHEDULE_DELAY": "100",
}
FLUSH = 5.0  # seconds that the last of it has
SPARE = 3.0  # seconds of a machine that does other things, too

Collector = Callable[[], AbstractContextManager[str]]


@pytest.fixture
def start_api(tmp_path: Path) -> Iterator[Starter]:
    yield from starter(tmp_path)


def seconds_for(client: httpx2.Client) -> float:
    began = time.perf_counter()
    assert client.get("/hello/nobody").status_code == 404
    return time.perf_counter() - began


def ending(api: Api) -> float:
    """Seconds from SIGTERM to its end."""
    began = time.monotonic()
    api.process.terminate()
    assert api.process.wait(30) == 0, api.output
    return time.monotonic() - began


def counts_failures(api: Api) -> bool:
    """Of every signal."""
    text = api.ask("/metrics").text
    lines = [f'telemetry_export_failures_total{{signal="{signal}"}} ' for signal in SIGNALS]
    return all(line in text and f"{line}0.0" not in text for line in lines)


@pytest.mark.timing
@pytest.mark.parametrize("collector", DEAD.values(), ids=DEAD)
def test_requests_are_answered_as_fast_as_without_and_the_failures_are_counted(
    start_api: Starter, servers: Servers, database_url: str, collector: Collector
) -> None:
    with collector() as url:
        urls = (database_url, servers.redis_url)
        plain = start_api(*urls)
        api = start_api(*urls, OTEL_EXPORTER_OTLP_ENDPOINT=url, **OFTEN)
        with api.ready().client() as watched, plain.ready().client() as alone:
            times = [(seconds_for(watched), seconds_for(alone)) for _ in range(150)]
        with_it, without = zip(*times, strict=True)
        assert median(with_it) < 2 * median(without) + 0.005
        assert sorted(with_it)[-10] < 0.5  # a time-out of the exporter is longer
        assert eventually(lambda: counts_failures(api), within=20), api.ask("/metrics").text
        assert "opentelemetry" not in api.output
        assert "urllib3" not in api.output


def test_a_signal_ends_the_api_in_its_usual_time_and_five_seconds(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    with silent() as url:
        urls = (database_url, servers.redis_url)
        plain = start_api(*urls)
        api = start_api(*urls, OTEL_EXPORTER_OTLP_ENDPOINT=url)
        with api.ready().client() as client:
            seconds_for(client)
        usual = ending(plain.ready())
        assert ending(api) < usual + FLUSH + SPARE


def test_a_job_is_done_as_ever(
    start_api: Starter, servers: Servers, database_url: str, tmp_path: Path
) -> None:
    with silent() as url:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "WORKER_METRICS_PORT": str(free_port()), **OFTEN}
        api = start_api(database_url, servers.redis_url, **env)
        worker = Up(api.data, tmp_path, (*COMMAND, "worker"), **env, **api.urls)
        try:
            with api.ready().client(timeout=30) as client:
                headers = bearer(sign_up(client, "zoe"))
                task = client.post("/tasks", json={"data": {"n": 1}}, headers=headers).json()
                path = f"/tasks/{task['id']}?wait=20"
                assert client.get(path, headers=headers).json()["status"] == "succeeded"
            worker.process.terminate()
            assert worker.process.wait(FLUSH + 15) == 0, worker.output
        finally:
            worker.end()
