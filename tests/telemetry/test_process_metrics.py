"""Metrics of several processes in one exposition."""

import socket
from pathlib import Path
from threading import Thread

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest

from jubilee.adapters.telemetry import process_metrics
from jubilee.adapters.telemetry.process_metrics import process_registry, serve_metrics


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each process the time that it needs on a busy machine."""
    for name in ("READ_TIMEOUT_S", "SEND_TIMEOUT_S"):
        monkeypatch.setattr(process_metrics, name, 30)


def registry(count: int) -> CollectorRegistry:
    """Metrics of a process that has counted so far."""
    registry = CollectorRegistry()
    Counter("seen", 'what "it" saw\nso far', ["kind"], registry=registry).labels('a "b"').inc(count)
    Histogram("took_seconds", "how long", registry=registry, buckets=[1]).observe(count)
    return registry


def text(folder: Path) -> str:
    return generate_latest(process_registry(folder)).decode()


def test_each_series_has_the_number_of_its_process(tmp_path: Path) -> None:
    closes = [serve_metrics(tmp_path, number, registry(number)) for number in (1, 2)]
    found = text(tmp_path)
    for close in closes:
        close()
    assert r'seen_total{kind="a \"b\"",process="1"} 1.0' in found
    assert r'seen_total{kind="a \"b\"",process="2"} 2.0' in found
    assert 'took_seconds_bucket{le="1.0",process="2"} 0.0' in found
    assert found.count("# TYPE seen_total counter") == 1


def test_processes_that_have_ended_are_left_out(tmp_path: Path) -> None:
    serve_metrics(tmp_path, 1, registry(1))()
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / "metrics-2"))
    close = serve_metrics(tmp_path, 3, registry(3))
    found = text(tmp_path)
    close()
    assert 'process="3"' in found
    assert 'process="1"' not in found
    assert 'process="2"' not in found


def test_metrics_that_were_cut_off_are_left_out(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "metrics-1"))
        listener.listen()

        def answer_partly() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(generate_latest(registry(1234))[:-3])

        thread = Thread(target=answer_partly)
        thread.start()
        assert text(tmp_path) == ""
        thread.join()
