"""Exports over OTLP: the variables that configure them, and unusable collectors."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from jubilee.adapters.telemetry.bad_export import BadExport
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.otlp import Signal, resource, seconds, signals
from jubilee.adapters.telemetry.otlp_exports import OtlpExports
from jubilee.adapters.telemetry.tracing import TraceIds, Tracing
from tests.support.api import NO_REDIS, NOWHERE, run
from tests.support.receiver import Receiver, receiver
from tests.support.running import eventually
from tests.telemetry.collectors import UNUSABLE_COLLECTORS, silent

BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
URL = "http://collector.example:4318"
RESOURCE = {"service.name": "jubilee-test", "service.version": "1"}

every_collector = pytest.mark.parametrize(
    "collector", UNUSABLE_COLLECTORS.values(), ids=UNUSABLE_COLLECTORS
)


@pytest.fixture
def received() -> Iterator[Receiver]:
    with receiver() as started:
        yield started


@contextmanager
def exporting(
    monkeypatch: pytest.MonkeyPatch, instruments: Instruments, /, **environ: str
) -> Iterator[OtlpExports]:
    """Start the exports of a process."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    exports = OtlpExports(environ, resource(RESOURCE), instruments)
    yield exports
    exports.close(5)


def emit_signals(exports: OtlpExports) -> None:
    """Emit data of every exported signal."""
    if exports.spans is not None:
        with Tracing(resource(RESOURCE), exports.spans).tracer.start_as_current_span("GET /"):
            pass
    if exports.lines is not None:
        exports.lines.add('{"event":"request"}', "info", TraceIds(7, 8, sampled=True))


def failures(instruments: Instruments) -> dict[str, float]:
    """Return the counted failures by signal."""
    (family,) = (f for f in instruments.registry.collect() if f.name == "telemetry_export_failures")
    return {sample.labels["signal"]: sample.value for sample in family.samples}


ALL, NONE = frozenset(Signal), frozenset[Signal]()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, NONE),
        ({BASE: ""}, NONE),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, NONE),
        ({"OTEL_SERVICE_NAME": "party", "OTEL_EXPORTER_OTLP_HEADERS": "a=b"}, NONE),
        ({BASE: URL}, ALL),
        ({BASE: "https://[::1]:4318/"}, ALL),
        ({BASE: URL, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, ALL),
        ({BASE: URL, "OTEL_SDK_DISABLED": "true"}, NONE),
        ({BASE: URL, "OTEL_SDK_DISABLED": "TRUE"}, NONE),
        ({BASE: URL, "OTEL_SDK_DISABLED": "false"}, ALL),
        ({BASE: URL, "OTEL_TRACES_EXPORTER": "none"}, ALL - {Signal.TRACES}),
        ({BASE: URL, "OTEL_METRICS_EXPORTER": "none"}, ALL - {Signal.METRICS}),
        ({BASE: URL, "OTEL_LOGS_EXPORTER": "none"}, ALL - {Signal.LOGS}),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": URL}, {Signal.TRACES}),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": URL}, {Signal.METRICS}),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": URL}, {Signal.LOGS}),
    ],
)
def test_the_variables_choose_the_signals(
    environ: Mapping[str, str], expected: frozenset[Signal]
) -> None:
    assert signals(environ) == expected


@pytest.mark.parametrize(
    ("variable", "environ"),
    [
        (BASE, {BASE: "collector.example:4318"}),
        (BASE, {BASE: "grpc://collector.example:4317"}),
        (BASE, {BASE: "http://"}),
        (BASE, {BASE: "http://[::1"}),
        (BASE, {BASE: "http://collector.example:99999"}),
        (
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
            {BASE: URL, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "/v1/logs"},
        ),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", {BASE: URL, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}),
        ("PROTOCOL", {BASE: URL, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}),
        ("OTEL_TRACES_EXPORTER", {BASE: URL, "OTEL_TRACES_EXPORTER": "zipkin"}),
        ("OTEL_METRIC_EXPORT_INTERVAL", {BASE: URL, "OTEL_METRIC_EXPORT_INTERVAL": "soon"}),
        ("OTEL_BLRP_SCHEDULE_DELAY", {BASE: URL, "OTEL_BLRP_SCHEDULE_DELAY": "-1"}),
        ("OTEL_BSP_", {BASE: URL, "OTEL_BSP_MAX_QUEUE_SIZE": "0"}),
    ],
)
def test_an_unsupported_value_is_refused_with_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch,
    instruments: Instruments,
    variable: str,
    environ: dict[str, str],
) -> None:
    with pytest.raises(BadExport) as refused, exporting(monkeypatch, instruments, **environ):
        pass
    assert variable in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("text", "found"), [("", 5.0), ("200", 0.2), ("1.5", 0.0015)])
def test_intervals_are_read_as_milliseconds(text: str, found: float) -> None:
    assert seconds({"EVERY": text}, "EVERY", 5.0) == found


@pytest.mark.parametrize("text", ["0", "-5", "nan", "inf", "1e12", "5s"])
def test_an_invalid_interval_is_refused(text: str) -> None:
    with pytest.raises(BadExport, match="EVERY: must be a number of milliseconds"):
        seconds({"EVERY": text}, "EVERY", 5.0)


def test_variables_override_the_resource_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert resource(RESOURCE).attributes["service.name"] == "jubilee-test"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "party")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.version=2,team=moon")
    found = resource(RESOURCE).attributes
    assert (found["service.name"], found["service.version"]) == ("party", "2")
    assert found["team"] == "moon"


def test_without_variables_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, instruments: Instruments
) -> None:
    before = set(threading.enumerate())
    with exporting(monkeypatch, instruments) as exports:
        assert (exports.spans, exports.lines) == (None, None)
        assert set(threading.enumerate()) <= before
        assert failures(instruments) == {}


def test_every_signal_arrives_with_the_headers(
    monkeypatch: pytest.MonkeyPatch, instruments: Instruments, received: Receiver
) -> None:
    headers = "authorization=Basic%20c2VjcmV0,x-team=moon"
    environ = {BASE: received.url, "OTEL_EXPORTER_OTLP_HEADERS": headers}
    with exporting(monkeypatch, instruments, **environ) as exports:
        emit_signals(exports)
    assert received.named("GET /")
    assert "http_requests_total" in received.metrics
    assert [line.body.string_value for line in received.lines] == ['{"event":"request"}']
    assert len(received.headers) == 3
    for sent in received.headers:
        assert (sent["authorization"], sent["x-team"]) == ("Basic c2VjcmV0", "moon")
    assert {attributes["service.name"] for attributes in received.resources} == {"jubilee-test"}
    assert failures(instruments) == {"traces": 0, "metrics": 0, "logs": 0}


@pytest.mark.parametrize(("sampled_lines_only", "sent"), [(False, 2), (True, 1)])
def test_info_lines_are_sampled_only_by_the_setting(
    monkeypatch: pytest.MonkeyPatch,
    instruments: Instruments,
    received: Receiver,
    *,
    sampled_lines_only: bool,
    sent: int,
) -> None:
    monkeypatch.setenv(BASE, received.url)
    attributes, only = resource(RESOURCE), sampled_lines_only
    exports = OtlpExports({BASE: received.url}, attributes, instruments, sampled_lines_only=only)
    assert exports.lines is not None
    exports.lines.add("unsampled", "info", TraceIds(7, 8, sampled=False))
    exports.lines.add("sampled", "info", TraceIds(7, 8, sampled=True))
    exports.close(5)
    assert len(received.lines) == sent


def test_a_signal_may_have_its_own_collector(
    monkeypatch: pytest.MonkeyPatch, instruments: Instruments, received: Receiver
) -> None:
    own = {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{received.url}/v1/logs"}
    with exporting(monkeypatch, instruments, **own) as exports:
        emit_signals(exports)
    assert len(received.lines) == 1
    assert (received.spans, received.metrics) == ([], {})


def test_all_signals_are_exported_while_the_process_runs(
    monkeypatch: pytest.MonkeyPatch, instruments: Instruments, received: Receiver
) -> None:
    often = ("OTEL_METRIC_EXPORT_INTERVAL", "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_BSP_SCHEDULE_DELAY")
    environ = {BASE: received.url, **dict.fromkeys(often, "50")}
    with exporting(monkeypatch, instruments, **environ) as exports:
        emit_signals(exports)
        assert eventually(lambda: received.spans and received.metrics and received.lines, within=20)


@every_collector
def test_failed_exports_are_counted_by_signal(
    monkeypatch: pytest.MonkeyPatch,
    instruments: Instruments,
    collector: Callable[[], AbstractContextManager[str]],
) -> None:
    with collector() as url:
        environ = {BASE: url, "OTEL_EXPORTER_OTLP_TIMEOUT": "0.3"}
        with exporting(monkeypatch, instruments, **environ) as exports:
            emit_signals(exports)
        count_requests = failures(instruments)
    assert set(count_requests) == {"traces", "metrics", "logs"}
    assert all(count_requests.values())


def test_closing_does_not_wait_for_a_silent_collector(
    monkeypatch: pytest.MonkeyPatch, instruments: Instruments
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")
    with silent() as url:
        monkeypatch.setenv(BASE, url)
        exports = OtlpExports({BASE: url}, resource(RESOURCE), instruments)
        emit_signals(exports)
        began = monotonic()
        exports.close(0.5)
        assert 0.4 < monotonic() - began < 30


IMPORTED = """
import threading
import jubilee.commands.api_process
import jubilee.commands.worker_process
from opentelemetry import _logs, metrics, trace
assert trace._TRACER_PROVIDER is None
assert metrics._internal._METER_PROVIDER is None
assert _logs._internal._LOGGER_PROVIDER is None
print(*(thread.name for thread in threading.enumerate()))
"""


def test_importing_creates_no_provider_and_no_thread() -> None:
    command = (sys.executable, "-c", IMPORTED)
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "MainThread\n", "")


@pytest.mark.parametrize(
    "bad",
    [
        {BASE: "collector:4317"},
        {BASE: URL, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {BASE: URL, "OTEL_BSP_SCHEDULE_DELAY": "0"},
    ],
)
def test_the_api_refuses_to_start_with_one_line(tmp_path: Path, bad: dict[str, Any]) -> None:
    ended = run(tmp_path, "api", DATABASE_URL=NOWHERE, REDIS_URL=NO_REDIS, **bad)
    assert ended.returncode == 78
    (line,) = ended.stderr.splitlines()
    assert "OTEL_" in line
    assert "Traceback" not in ended.stdout
