"""Errors as an error tracker gets them: frames and ids, without values, bodies or messages."""

import linecache
from collections.abc import Mapping
from traceback import walk_tb
from typing import Any, TypeAlias

from jubilee.adapters.telemetry.exceptions import MAX_FRAMES, chain, class_name, safe_message
from jubilee.observation.requests import RequestRecord, current_request

TAGS = ("error", "job_id", "kind", "method", "request_id", "route", "thread_name")
"""Fields of log lines that are sent as tags; other fields are not sent."""

HEADERS = frozenset({b"accept", b"content-length", b"content-type", b"user-agent"})
"""Headers of the request that are sent."""

MAX_HEADER_CHARS = 200
LEVELS = {"error": "error", "critical": "fatal"}

Event: TypeAlias = dict[str, Any]


def error_event(line: Mapping[str, object], error: BaseException | None) -> Event:
    """Build the event of a log line and its exception."""
    event: Event = {
        "level": LEVELS.get(str(line["level"]), "error"),
        "logger": _logger(line),
        "logentry": {"message": _text(line)},
        "fingerprint": [group(line)],
        "tags": {tag: str(line[tag]) for tag in TAGS if tag in line},
    }
    if error is not None:
        event["exception"] = {"values": [_exception(link) for link in reversed(chain(error))]}
    if "user_id" in line:
        event["user"] = {"id": line["user_id"]}
    if "trace_id" in line:
        event["contexts"] = {
            "trace": {"trace_id": line["trace_id"], "span_id": line["span_id"]},
        }
    record = current_request.get()
    if record is not None:
        event |= _request(record)
    elif "kind" in line:
        event["transaction"] = f"process {line['kind']}"
    return event


def group(line: Mapping[str, object]) -> str:
    """What errors are grouped by: the fingerprint of the line's exception, else its event."""
    return str(line.get("fingerprint") or _text(line))


def _text(line: Mapping[str, object]) -> str:
    """The line's event; those of other libraries may quote data, so their logger is named."""
    name = _logger(line)
    return str(line["event"]) if name.partition(".")[0] == "jubilee" else f"error logged by {name}"


def _logger(line: Mapping[str, object]) -> str:
    return str(line.get("logger", "jubilee"))


def _exception(error: BaseException) -> Event:
    frames = [
        {
            "filename": frame.f_code.co_filename,
            "module": frame.f_globals.get("__name__"),
            "function": frame.f_code.co_qualname,
            "lineno": number,
            "context_line": linecache.getline(frame.f_code.co_filename, number).rstrip("\n"),
            "in_app": str(frame.f_globals.get("__name__")).partition(".")[0] == "jubilee",
        }
        for frame, number in walk_tb(error.__traceback__)
    ]
    return {
        "type": class_name(error),
        "value": safe_message(error),
        "stacktrace": {"frames": frames[-MAX_FRAMES:]},
    }


def _request(record: RequestRecord) -> Event:
    headers = {
        name.decode("latin-1"): value.decode("latin-1")[:MAX_HEADER_CHARS]
        for name, value in record.headers
        if name in HEADERS
    }
    return {
        "transaction": f"{record.method} {record.endpoint}",
        "request": {"method": record.method, "url": record.endpoint, "headers": headers},
    }
