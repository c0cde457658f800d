"""The access line, which is assembled by hand, equals a line of the general logger."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from string import ascii_letters, digits
from time import time_ns
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk.resources import Resource

from jubilee.adapters.telemetry import logs
from jubilee.adapters.telemetry.access_log import NS_PER_S, AccessLog
from jubilee.adapters.telemetry.line_writer import LineWriter
from jubilee.adapters.telemetry.logs import Logs
from jubilee.adapters.telemetry.otlp_logs import LogBridge
from jubilee.adapters.telemetry.sampling import SamplingDecision, sampling_decision
from jubilee.adapters.telemetry.tracing import TraceIds
from jubilee.bootstrap.logs import log_context
from jubilee.observation.requests import (
    METHODS,
    UNMATCHED,
    RequestRecord,
    current_request,
)
from tests.telemetry.memory import Lines, log_records

COLORS = re.compile(r"\x1b\[[0-9;]*m")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
THIS_CENTURY = st.integers(946_684_800 * NS_PER_S, 4_102_444_800 * NS_PER_S)

RECORDS = st.builds(
    RequestRecord,
    request_id=st.text(ascii_letters + digits + "._-", min_size=1, max_size=128),
    method=st.sampled_from(sorted({*METHODS, "OTHER"})),
    endpoint=st.sampled_from(["/items/{id}", "/health/live", UNMATCHED]) | st.text(max_size=20),
    status=st.integers(100, 599),
    user_id=st.none() | st.uuids().map(str),
    received=st.integers(0, 10**12),
    sent=st.integers(0, 10**12),
    seconds=st.floats(0, 10**5),
    client=st.ip_addresses().map(str) | st.text(),
)
DECISIONS = st.builds(
    SamplingDecision, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.just(value=False)
)
ONE = RequestRecord(
    request_id="r-1",
    method="GET",
    endpoint="/items/{id}",
    status=200,
    user_id="019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    received=0,
    sent=99,
    seconds=0.0123456,
    client='2001:db8::1"\\ü\n\x00',
)
IDS = SamplingDecision(0xAB, 0xCD, sampled=False)


class LogFile:
    """Logs that are written to a file in memory."""

    def __init__(self, *, level: str = "INFO", readable: bool = False) -> None:
        self._file, self._read = os.memfd_create("lines"), 0
        self._writer = LineWriter(self._file)
        self.logs = Logs(self._writer, log_context, level=level, readable=readable)

    def new_lines(self) -> list[str]:
        """Return the lines written since the last call."""
        self._writer.flush()
        found = os.pread(self._file, 1 << 20, self._read)
        self._read += len(found)
        return found.decode().split("\n")[:-1]

    def close(self) -> None:
        """Close the file."""
        self._writer.flush()
        os.close(self._file)


@pytest.fixture(scope="module")
def log_file() -> Iterator[LogFile]:
    """JSON logs, shared by many examples since each has a thread."""
    log_file = LogFile()
    yield log_file
    log_file.close()


@contextmanager
def serving(record: RequestRecord, decided: SamplingDecision) -> Iterator[None]:
    """Set the request and its sampling decision as current."""
    tokens = current_request.set(record), sampling_decision.set(decided)
    try:
        yield
    finally:
        current_request.reset(tokens[0])
        sampling_decision.reset(tokens[1])


def write(log_file: LogFile, record: RequestRecord, at: int | None = None) -> None:
    """Write the access line of the current request."""
    AccessLog(log_file.logs).write(record, sampling_decision.get(), at or time_ns())


def fields_of(record: RequestRecord) -> Mapping[str, Any]:
    """Return the fields of an access line without the context."""
    return {
        "method": record.method,
        "route": record.endpoint,
        "status": record.status,
        "duration_ms": round(record.seconds * 1000, 2),
        "received": record.received,
        "sent": record.sent,
        "client": record.client,
    }


@given(RECORDS, DECISIONS)
@example(ONE, IDS)
def test_the_access_line_equals_a_general_line_in_the_same_order(
    log_file: LogFile, record: RequestRecord, decided: SamplingDecision
) -> None:
    with serving(record, decided):
        write(log_file, record)
        log_file.logs.write("request", **fields_of(record))
    by_hand, general = map(json.loads, log_file.new_lines())
    assert list(by_hand) == list(general)
    times = [line.pop("timestamp") for line in (by_hand, general)]
    assert by_hand == general
    assert all(TIMESTAMP.fullmatch(time) for time in times)
    began, ended = (datetime.fromisoformat(time) for time in times)
    assert began <= ended < began + timedelta(minutes=1)


@given(st.lists(THIS_CENTURY, min_size=1))
@example([NS_PER_S, NS_PER_S - 1, NS_PER_S, 2 * NS_PER_S + 999_999_999])
def test_timestamps_are_correct_in_any_order_of_times(log_file: LogFile, times: list[int]) -> None:
    lines = AccessLog(log_file.logs)
    for at in times:
        lines.write(ONE, IDS, at)
    found = [json.loads(line)["timestamp"] for line in log_file.new_lines()]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    expected = [epoch + timedelta(microseconds=at // 1000) for at in times]
    assert [datetime.fromisoformat(time) for time in found] == expected
    assert all(TIMESTAMP.fullmatch(time) for time in found)


def test_a_general_line_has_microseconds_at_a_full_second(
    log_file: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullSecond(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime(2026, 11, 20, 9, tzinfo=tz)

    monkeypatch.setattr(logs, "datetime", FullSecond)
    log_file.logs.write("nine o'clock")
    (line,) = map(json.loads, log_file.new_lines())
    assert line["timestamp"] == "2026-11-20T09:00:00.000000Z"


@pytest.mark.parametrize("readable", [True, False])
def test_level_warning_suppresses_access_lines(*, readable: bool) -> None:
    with closing(LogFile(level="WARNING", readable=readable)) as log_file, serving(ONE, IDS):
        write(log_file, ONE)
        log_file.logs.write("serious", level="warning")
        (line,) = log_file.new_lines()
    assert "serious" in line


def test_a_readable_access_line_has_its_fields() -> None:
    record = RequestRecord(request_id="r-1", method="GET", received=0, client="192.0.2.7")
    with closing(LogFile(readable=True)) as log_file, serving(record, IDS):
        write(log_file, record)
        (line,) = (COLORS.sub("", line) for line in log_file.new_lines())
    head, _, rest = line.partition("method=")
    assert re.fullmatch(TIMESTAMP.pattern + r" \[info *\] request +", head)
    words = rest.split()
    assert words[:4] == ["GET", "route=unmatched", "status=500", "duration_ms=0.0"]
    assert {"client=192.0.2.7", "request_id=r-1", f"trace_id={0xAB:032x}"} <= set(words)


def test_exported_lines_equal_written_lines() -> None:
    sent: list[ExportLogsServiceRequest] = []
    bridge = LogBridge(Resource.get_empty(), sent.append, lambda: None)
    with closing(LogFile()) as log_file, serving(ONE, IDS):
        log_file.logs.bridge = bridge
        write(log_file, ONE, 946_684_800 * NS_PER_S)
        log_file.logs.write("another", level="warning")
        written = log_file.new_lines()
    bridge.export()
    records = log_records(sent)
    assert [record.body.string_value for record in records] == written
    assert [record.severity_text for record in records] == ["INFO", "WARNING"]
    assert records[0].time_unix_nano == 946_684_800 * NS_PER_S
    ids = {(record.trace_id.hex(), record.span_id.hex()) for record in records}
    assert ids == {(f"{0xAB:032x}", f"{0xCD:016x}")}


@pytest.mark.parametrize(
    ("sampled_only", "sampled", "sent"),
    [
        (True, False, ["WARNING"]),
        (True, True, ["INFO", "WARNING"]),
        (False, False, ["INFO", "WARNING"]),
    ],
)
def test_sampled_only_drops_unsampled_info_lines(
    *, sampled_only: bool, sampled: bool, sent: list[str]
) -> None:
    requests: list[ExportLogsServiceRequest] = []
    bridge = LogBridge(
        Resource.get_empty(), requests.append, lambda: None, sampled_only=sampled_only
    )
    for level in ("info", "warning"):
        bridge.add("{}", level, TraceIds(7, 8, sampled=sampled))
    bridge.export()
    records = log_records(requests)
    assert [record.severity_text for record in records] == sent
    assert {record.flags for record in records} == {int(sampled)}


def test_a_line_outside_a_trace_is_always_exported() -> None:
    requests: list[ExportLogsServiceRequest] = []
    bridge = LogBridge(Resource.get_empty(), requests.append, lambda: None, sampled_only=True)
    bridge.add("{}", "info", None)
    bridge.export()
    assert len(log_records(requests)) == 1


@pytest.mark.parametrize("readable", [False, True])
def test_lines_for_machines_may_be_written_in_batches(lines: Lines, readable: bool) -> None:
    lines.logs.is_readable = readable
    assert AccessLog(lines.logs).is_batched is not readable
