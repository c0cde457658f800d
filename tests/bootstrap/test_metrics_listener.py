"""The ports that workers of one machine serve their metrics on."""

import logging
import socket

import httpx2
import pytest
from prometheus_client import CollectorRegistry, Counter

from jubilee.bootstrap.metrics_listener import NoMetricsListener, listen_for_scrapes
from tests.support.running import free_port

HOST = "127.0.0.1"


def registry(name: str) -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter(name, "a counter", registry=registry)
    return registry


def test_two_workers_serve_metrics_on_two_ports_that_they_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port, names = free_port(), ("one", "two")
    caplog.set_level(logging.INFO)
    closes = [
        listen_for_scrapes("worker", (HOST, port), registry(name), (port + 1,)) for name in names
    ]
    first, second = (vars(record)["port"] for record in caplog.records)
    assert first == port
    assert second > port + 1
    for name, served in zip(names, (first, second), strict=True):
        reply = httpx2.get(f"http://{HOST}:{served}/metrics", timeout=5)
        assert f"{name}_total" in reply.text
    for close in closes:
        close()


def test_a_worker_that_cannot_listen_runs_without_metrics(caplog: pytest.LogCaptureFixture) -> None:
    listen_for_scrapes("worker", ("203.0.113.1", 9101), CollectorRegistry())()
    (line,) = caplog.records
    assert line.message == "metrics listener not started"
    assert vars(line)["setting"] == "WORKER_METRICS_PORT"


def test_the_highest_port_is_tried_as_well(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with socket.create_server((HOST, 65534)):
        listen_for_scrapes("worker", (HOST, 65534), CollectorRegistry())()
    assert [vars(record)["port"] for record in caplog.records] == [65535]


def test_no_port_beyond_the_highest_is_tried(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server((HOST, 65535)):
        listen_for_scrapes("worker", (HOST, 65535), CollectorRegistry())()
    assert [line.message for line in caplog.records] == ["metrics listener not started"]


def test_an_api_that_cannot_listen_names_its_setting_and_another_port() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NoMetricsListener, match=f"METRICS_PORT={port}: cannot listen there"):
            listen_for_scrapes("api", (HOST, port), CollectorRegistry())
