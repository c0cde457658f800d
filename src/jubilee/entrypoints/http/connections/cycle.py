"""A request and its response on a connection."""

import asyncio
from contextvars import Context
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp, Message, Scope
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from jubilee.observation.requests import Headers

LINE_END = b"\r\n"
COMMON: Scope = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "scheme": "http",  # TLS ends before the service
    "root_path": "",
}
"""Scope of every request."""


def request_scope(
    common: Scope, parser: httptools.HttpRequestParser, url: bytes, headers: Headers
) -> Scope:
    """Return the scope of a parsed head; raises ValueError for a target that is no path."""
    target, query = _split(url)
    path = target.decode("ascii")
    return {
        **common,
        "http_version": parser.get_http_version(),
        "method": parser.get_method().decode("ascii"),
        "path": unquote(path) if "%" in path else path,
        "raw_path": target,
        "query_string": query,
        "headers": headers,
        "state": {},
    }


def _split(url: bytes) -> tuple[bytes, bytes]:
    """Split a target; nearly all are a path, and need no parser."""
    if url.startswith(b"/") and b"#" not in url:
        path, _, query = url.partition(b"?")
        return path, query
    parsed = httptools.parse_url(url)
    return parsed.path, parsed.query or b""


class RequestCycle(RequestResponseCycle):
    """Writes head and body at once, and checks the head as a whole.

    uvicorn searches each name and each value by a regular expression, and compares each name
    several times. The names that the application sends are in lower case.
    """

    tasks: set[asyncio.Task[None]]
    """The running tasks of the server."""
    _head: bytes = b""

    @classmethod
    def start(cls, protocol: HttpToolsProtocol) -> "RequestCycle":
        """Call the application for the request whose head the protocol has parsed."""
        keeps_alive = protocol.parser.should_keep_alive()
        cycle = cls(
            scope=protocol.scope,
            transport=protocol.transport,
            flow=protocol.flow,
            logger=protocol.logger,
            access_logger=protocol.access_logger,
            access_log=False,
            default_headers=protocol.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=protocol.expect_100_continue,
            keep_alive=keeps_alive and protocol.scope["http_version"] != "1.0",
            on_response=protocol.on_response_complete,
        )
        cycle.tasks = protocol.tasks
        # A new context: a pipelined request would otherwise run in that of the one before it.
        work = cycle.run_asgi(protocol.app)
        cycle.tasks.add(protocol.loop.create_task(work, context=Context()))
        return cycle

    async def run_asgi(self, app: ASGIApp) -> None:  # type: ignore[override]  # its types are uvicorn's own
        """Serve the request; an exception ends as 500."""
        try:
            await super().run_asgi(app)  # type: ignore[arg-type]  # likewise
        finally:
            task = asyncio.current_task()
            assert task is not None, "the server runs it as a task"
            self.tasks.discard(task)

    async def send(self, message: Message) -> None:  # type: ignore[override]  # likewise
        """Write the response; raises RuntimeError for one that is not well-formed."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            self.response_started = True
            self.waiting_for_100_continue = False
            self._head = self._render(message)
        elif not self.response_complete:
            self._write(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError("a message after the end of the response")

    def _render(self, message: Message) -> bytes:
        status = message["status"]
        headers = [*self.default_headers, *message["headers"]]
        named = dict(headers)
        if named.get(b"connection") == b"close":
            self.keep_alive = False
        elif not self.keep_alive:
            headers.append((b"connection", b"close"))
        if b"content-length" in named:
            self.chunked_encoding = False
            self.expected_content_length = int(named[b"content-length"])
        elif self.scope["method"] != "HEAD" and status not in {204, 304}:
            self.chunked_encoding = True
            headers.append((b"transfer-encoding", b"chunked"))
        lines = LINE_END.join([b": ".join(pair) for pair in headers])
        if not lines.count(b"\n") == lines.count(b"\r") == len(headers) - 1 or b"\0" in lines:
            raise RuntimeError("a header has a control character")
        return b"".join((STATUS_LINE[status], lines, LINE_END, LINE_END))

    def _write(self, body: bytes, *, more: bool) -> None:
        head, self._head = self._head, b""
        if self.scope["method"] == "HEAD":
            body, self.expected_content_length = b"", 0
        elif self.chunked_encoding:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (
                b"" if more else b"0\r\n\r\n"
            )
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("the body is longer than its Content-Length")
        self.transport.write(head + body)
        if not more:
            self._end()

    def _end(self) -> None:
        if self.expected_content_length != 0:
            raise RuntimeError("the body is shorter than its Content-Length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
