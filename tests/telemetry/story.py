"""A real service, a real OTLP receiver, and another HTTP server."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2

from tests.support.api import bearer, sign_up
from tests.support.receiver import ReceivedSpan, Receiver, receiver
from tests.support.running import PATIENT, UP, Up, eventually, free_port

Tree = list[tuple[str, str]]
"""The names of parent and child of every span but the root."""


@dataclass(slots=True)
class WebhookServer:
    """A server that receives webhooks: its requests."""

    port: int = 0
    requests: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def webhook_server() -> Iterator[WebhookServer]:
    """Run a server that answers 200."""
    found = WebhookServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            found.requests.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@dataclass(frozen=True, slots=True)
class Story:
    """A service, a client of it, and the telemetry that arrived."""

    up: Up
    received: Receiver
    client: httpx2.Client
    headers: dict[str, str]
    """The headers of Zoe, who is signed in."""

    def trace_of(self, request_id: str) -> str:
        """Return the trace id in the log line of the request."""
        assert eventually(lambda: self._lines(request_id), within=60)
        return str(self._lines(request_id)[0]["trace_id"])

    def spans(self, trace_id: str, *last: str) -> list[ReceivedSpan]:
        """Return the spans of a trace once those named in `last` have arrived."""

        def names() -> set[str]:
            return {span.name for span in self.received.of_trace(trace_id)}

        assert eventually(lambda: names() >= set(last), within=60), names()
        return self.received.of_trace(trace_id)

    def _lines(self, request_id: str) -> list[dict[str, Any]]:
        lines = [json.loads(line.body.string_value) for line in self.received.lines]
        return [line for line in lines if line.get("request_id") == request_id]


@contextmanager
def serve_with_telemetry(at: Path) -> Iterator[Story]:
    """Run `jubilee up` with frequent exports, and sign Zoe in."""
    with ExitStack() as ends:
        received = ends.enter_context(receiver())
        up = Up(
            at / "data",
            at,
            UP,
            OTEL_EXPORTER_OTLP_ENDPOINT=received.url,
            LOG_FORMAT="json",
            WORKER_METRICS_PORT=str(free_port()),
            OUTBOUND_ALLOWED_NETWORKS="127.0.0.0/8",
            OTEL_BSP_SCHEDULE_DELAY="200",
            OTEL_METRIC_EXPORT_INTERVAL="500",
            OTEL_BLRP_SCHEDULE_DELAY="200",
            SLOW_QUERY_MS="60000",  # on a busy machine any may be slow
            **PATIENT,
        )
        ends.callback(up.end)
        client = httpx2.Client(base_url=f"http://127.0.0.1:{up.ready().port}", timeout=60)
        ends.enter_context(client)
        yield Story(up, received, client, bearer(sign_up(client, "zoe")))


def tree(spans: list[ReceivedSpan], above: str = "") -> Tree:
    """Return the tree of the spans, which must have one root, a child of `above`."""
    names = {span.span_id: span.name for span in spans}
    assert len(names) == len(spans)
    (root,) = (span for span in spans if span.parent_id == above)
    found, reached = [], [root]
    for parent in reached:
        children = [span for span in spans if span.parent_id == parent.span_id]
        found += [(parent.name, child.name) for child in children]
        reached += children
    assert len(reached) == len(spans), sorted(names.values())
    return sorted(found)


def under(parent: str, *names: str) -> Tree:
    return [(parent, name) for name in names]
