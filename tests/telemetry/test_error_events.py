"""What an event for an error tracker contains, and what it leaves out."""

import json

import pytest

from jubilee.adapters.telemetry.error_events import error_event
from jubilee.observation.requests import RequestRecord, current_request

LINE = {
    "timestamp": "2026-11-20T10:00:00.000000Z",
    "level": "error",
    "event": "request failed",
    "method": "POST",
    "route": "/items",
    "request_id": "r-1",
    "user_id": "u-1",
    "trace_id": "0" * 31 + "a",
    "span_id": "0" * 15 + "b",
    "error": "ValueError",
    "fingerprint": "0123456789abcdef",
    "exception": "a stack of geheim",
    "sql": "SELECT geheim",
}


def failure() -> ValueError:
    """An exception with a cause; messages and a local variable hold a secret."""
    password, known = "ge" + "heim", dict[str, int]()
    effect = ValueError(f"bad {password}")
    try:
        known[password]
    except KeyError as cause:
        effect.__cause__ = cause
    return effect


def test_an_event_has_the_ids_and_the_group_of_its_log_line() -> None:
    event = error_event(LINE, failure())
    assert event["fingerprint"] == ["0123456789abcdef"]
    assert event["tags"] == {
        "error": "ValueError",
        "method": "POST",
        "request_id": "r-1",
        "route": "/items",
    }
    assert event["user"] == {"id": "u-1"}
    assert event["contexts"]["trace"] == {"trace_id": LINE["trace_id"], "span_id": LINE["span_id"]}


def test_an_event_has_the_frames_of_all_causes_and_no_value() -> None:
    event = error_event(LINE, failure())
    causes = event["exception"]["values"]
    assert [(cause["type"], cause["value"]) for cause in causes] == [
        ("KeyError", ""),
        ("ValueError", ""),
    ]
    frame = causes[0]["stacktrace"]["frames"][-1]
    assert (frame["function"], frame["context_line"].strip()) == ("failure", "known[password]")
    assert "geheim" not in json.dumps(event)


def test_messages_that_come_from_the_system_are_sent() -> None:
    event = error_event(LINE, ConnectionRefusedError(111, "Connection refused"))
    assert event["exception"]["values"][0]["value"] == "[Errno 111] Connection refused"


def test_of_the_request_a_few_headers_are_sent_and_no_path() -> None:
    headers = [
        (b"accept", b"*/*"),
        (b"user-agent", b"curl/8" + b"x" * 1000),
        (b"authorization", b"Bearer geheim"),
        (b"cookie", b"geheim"),
        (b"x-forwarded-for", b"192.0.2.7"),
    ]
    record = RequestRecord(
        request_id="r-1", method="PUT", received=0, client="192.0.2.7", endpoint="/hello/{name}"
    )
    record.headers = headers
    token = current_request.set(record)
    event = error_event(LINE, None)
    current_request.reset(token)
    request = event["request"]
    assert (request["method"], request["url"]) == ("PUT", "/hello/{name}")
    assert request["headers"]["accept"] == "*/*"
    assert set(request["headers"]) == {"accept", "user-agent"}
    assert len(request["headers"]["user-agent"]) == 200
    assert "192.0.2.7" not in json.dumps(event)


@pytest.mark.parametrize(
    ("line", "text", "level"),
    [
        ({"level": "critical", "event": "exiting"}, "exiting", "fatal"),
        ({"level": "error", "event": "failed", "logger": "jubilee.worker"}, "failed", "error"),
        ({"level": "error", "event": "geheim", "logger": "arq"}, "error logged by arq", "error"),
    ],
)
def test_the_words_of_other_libraries_are_not_sent(
    line: dict[str, object], text: str, level: str
) -> None:
    event = error_event(line, None)
    assert (event["logentry"]["message"], event["level"]) == (text, level)
    assert event["fingerprint"] == [text]


def test_the_event_of_a_job_names_its_kind() -> None:
    line = {"level": "error", "event": "job failed", "kind": "echo", "job_id": "j"}
    event = error_event(line, None)
    assert event["transaction"] == "process echo"
    assert event["tags"] == {"job_id": "j", "kind": "echo"}
