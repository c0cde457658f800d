"""An endpoint that speaks Sentry's envelope protocol, and keeps what it is sent."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROJECT = "/api/7/envelope/"


@dataclass(slots=True)
class Envelopes:
    """What has arrived: the events, and everything as text."""

    port: int = 0
    answer: int = 200
    events: list[dict[str, Any]] = field(default_factory=list)
    text: str = ""
    paths: set[str] = field(default_factory=set)

    @property
    def dsn(self) -> str:
        """For SENTRY_DSN."""
        return f"http://public@127.0.0.1:{self.port}/7"

    def take(self, path: str, body: bytes) -> None:
        """Read an envelope: a line of headers, then for each item its headers and its payload."""
        self.paths.add(path)
        self.text += body.decode()
        lines = body.split(b"\n")
        for head, payload in zip(lines[1::2], lines[2::2], strict=False):
            if json.loads(head)["type"] == "event":
                self.events.append(json.loads(payload))


@contextmanager
def sentry() -> Iterator[Envelopes]:
    """Listen on a free port until the end."""
    seen = Envelopes()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if seen.answer == 200:
                seen.take(self.path, body)
            self.send_response(seen.answer)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
