"""Readable lines for a terminal; exported lines stay JSON."""

import json
import os
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk.resources import Resource

from jubilee.adapters.telemetry.line_writer import LineWriter
from jubilee.adapters.telemetry.logs import Logs
from jubilee.adapters.telemetry.otlp_logs import LogBridge
from tests.telemetry.memory import log_records


@pytest.mark.parametrize("readable", [False, True])
@pytest.mark.parametrize("exported", [False, True])
def test_a_line_is_json_unless_it_is_readable(
    tmp_path: Path, readable: bool, exported: bool
) -> None:
    sent: list[ExportLogsServiceRequest] = []
    descriptor = os.open(tmp_path / "lines", os.O_WRONLY | os.O_CREAT)
    writer = LineWriter(descriptor)
    logs = Logs(writer, dict, level="INFO", readable=readable)
    if exported:
        logs.bridge = LogBridge(Resource({}), sent.append, lambda: None)
    logs.write("started", port=8000)
    writer.flush()
    text = (tmp_path / "lines").read_text()
    assert text.startswith("{") is not readable
    assert "started" in text
    if logs.bridge is not None:
        logs.bridge.export()
    lines = [json.loads(record.body.string_value) for record in log_records(sent)]
    assert [line["port"] for line in lines] == [8000] * exported
