"""Lines for people at a terminal, and that what a collector gets stays JSON beside them."""

import json
import os
from pathlib import Path

import pytest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource

from jubilee.adapters.telemetry.line_writer import LineWriter
from jubilee.adapters.telemetry.logs import Logs
from jubilee.adapters.telemetry.otlp_logs import LogBridge


@pytest.mark.parametrize("readable", [False, True])
@pytest.mark.parametrize("exported", [False, True])
def test_a_line_is_json_unless_people_read_it(
    tmp_path: Path, readable: bool, exported: bool
) -> None:
    sent: list[ReadableLogRecord] = []
    descriptor = os.open(tmp_path / "lines", os.O_WRONLY | os.O_CREAT)
    writer = LineWriter(descriptor)
    logs = Logs(writer, dict, level="INFO", readable=readable)
    if exported:
        logs.bridge = LogBridge(Resource({}), sent.extend, lambda: None)
    logs.write("started", port=8000)
    writer.flush()
    text = (tmp_path / "lines").read_text()
    assert text.startswith("{") is not readable
    assert "started" in text
    if logs.bridge is not None:
        logs.bridge.export()
    assert [json.loads(str(r.log_record.body))["port"] for r in sent] == [8000] * exported
