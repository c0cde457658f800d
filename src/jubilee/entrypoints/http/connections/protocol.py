"""HTTP/1.1 on a connection, with limits on the memory and time that a client can use.

uvicorn's own protocol has no limits on pipelined requests, headers and trailers, and waits for a
silent client forever. Its `limit_concurrency` refuses requests in plain text, after parsing them,
and counts health checks; so it is not used.
"""

import asyncio
from typing import Any

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from jubilee.domain.errors import DomainError
from jubilee.entrypoints.http.connections.config import BoundedConfig
from jubilee.entrypoints.http.connections.cycle import COMMON, RequestCycle, request_scope
from jubilee.entrypoints.http.connections.flow import ReadFlow
from jubilee.entrypoints.http.connections.heads import RESERVED_PATHS, fault_of, path_of
from jubilee.entrypoints.http.connections.limits import (
    MAX_DISCARDED_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_TURN_BYTES,
    PIECE_COST_BYTES,
    RESERVED_CONNECTIONS,
)
from jubilee.entrypoints.http.connections.phases import Phase, deadline_s
from jubilee.entrypoints.http.connections.refusals import (
    HeadTooLarge,
    HeadTooSlow,
    MalformedRequest,
    Refused,
    TooManyConnections,
    UnknownMethod,
)
from jubilee.entrypoints.http.connections.unparsed import TooMuchFraming, UnparsedBytes
from jubilee.entrypoints.http.connections.unread import UnreadAnswer
from jubilee.entrypoints.http.framework.problems import BodyTooSlow, TargetTooLong
from jubilee.observation.requests import EndReason

# Enum members are slow to look up before Python 3.12.
NEW, IDLE, HEAD, BODY, ANSWER, REFUSED = Phase


class BoundedProtocol(HttpToolsProtocol):
    """Parses one request at a time; the next waits, unparsed, until the last has been answered.

    While bytes wait, nothing is read from the socket; while the client does not read its response,
    nothing is parsed. So a connection holds at most one read of the socket, one request and one
    response. Overrides private parts of uvicorn: its version is bounded in pyproject.toml.
    """

    config: BoundedConfig
    flow: ReadFlow
    scope: Scope  # type: ignore[assignment]  # uvicorn has a type of its own for it
    _common: Scope

    def __init__(
        self,
        config: BoundedConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Called by uvicorn for every connection."""
        super().__init__(config, server_state, app_state, _loop)
        self._rules = config.rules
        self._unparsed = UnparsedBytes()
        self._unread = UnreadAnswer()
        self._phase, self._sweeps = NEW, 0
        self._fault: DomainError | None = None
        self._is_excess = False
        self._discarded = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Refuse a connection beyond limit and reserve; one in the reserve may send a request."""
        super().connection_made(transport)
        self._common = {**COMMON, "server": self.server, "client": self.client}
        self.flow = ReadFlow(transport, self._advance)
        excess = len(self.connections) - self._rules.limits.connections
        self._is_excess = excess > 0
        if excess > RESERVED_CONNECTIONS:
            self._rules.ended.add(EndReason.LIMIT)
            self._write(TooManyConnections(), Refused([], self.client), observed=False)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop the unparsed bytes."""
        super().connection_lost(exc)
        self._unparsed.clear()

    def data_received(self, data: bytes) -> None:
        """Parse as much as the limits allow now."""
        if self._phase is REFUSED:
            self._discard(data)
            return
        unparsed = self._unparsed
        if self._phase is IDLE and unparsed.takes_whole(data) and not self.flow.write_paused:
            self._feed(data)
            return
        unparsed.add(data)
        self._advance()

    def resume_writing(self) -> None:
        """Parse on: the client has read its response."""
        super().resume_writing()
        self._advance()

    def _advance(self) -> None:
        turn = MAX_TURN_BYTES
        while not self._unparsed.is_empty and self._may_parse():
            if turn <= 0:
                self.loop.call_soon(self._advance)
                self.flow.hold()
                return
            try:
                piece = self._unparsed.take()
            except TooMuchFraming:
                self._refuse(self._too_large())
                return
            if not piece:
                break
            self._feed(piece)
            turn -= len(piece) + PIECE_COST_BYTES
        if not self._unparsed.is_empty and not self._may_parse():
            self.flow.hold()
        elif not self.flow.read_paused:
            self.flow.release()

    def _too_large(self) -> DomainError:
        is_target = self._phase is HEAD and not self.headers and len(self.url) > MAX_HEAD_BYTES // 2
        return TargetTooLong() if is_target else HeadTooLarge()

    def _may_parse(self) -> bool:
        return self._phase <= BODY and not self.flow.read_paused and not self.flow.write_paused

    def _feed(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            # Upgrades are ignored. The parser would read a body as the next request: end here.
            self.cycle.keep_alive = False
        except httptools.HttpParserInvalidMethodError:
            self._refuse(UnknownMethod())
        except httptools.HttpParserError:
            self._refuse(self._fault or MalformedRequest())
        else:
            if self._phase is HEAD and len(self.headers) > MAX_HEADERS:
                self._refuse(HeadTooLarge())

    def on_message_begin(self) -> None:
        """Begin a request at its first byte."""
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self._phase, self._sweeps = HEAD, 0

    def on_headers_complete(self) -> None:
        """Check the head and call the application."""
        headers, parser = self.headers, self.parser
        named, count = dict(headers), len(headers)
        if (
            len(named) < count
            or count > MAX_HEADERS
            or b"host" not in named
            or b"transfer-encoding" in named
            or self._is_excess
            or not parser.should_keep_alive()
            or parser.should_upgrade()
        ):
            self._check_head(named)
        self.scope = request_scope(self._common, parser, self.url, headers)
        self.cycle = RequestCycle.start(self)
        self.headers = []  # collects trailers, which are dropped
        self._phase, self._sweeps = BODY, 0
        self._unparsed.framing = 0
        if self._is_excess:
            self.cycle.keep_alive = False
        if b"content-length" in named:
            self._unparsed.body_left = int(named[b"content-length"])

    def on_body(self, body: bytes) -> None:
        """Pass on a part of a body."""
        self._unparsed.framing = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request at its last byte."""
        cycle, self._unparsed.framing = self.cycle, 0
        if cycle.response_complete:
            self._phase, self._sweeps = IDLE, 0
        else:
            self._phase, cycle.more_body = ANSWER, False
            cycle.message_event.set()

    def on_response_complete(self) -> None:
        """Parse the next request, or wait for it."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self._phase is ANSWER:
            self._phase, self._sweeps = IDLE, 0
        elif self.expect_100_continue:
            self._linger()  # the client may or may not send the body
            return
        if self.flow.read_paused or not self._unparsed.is_empty:
            self.flow.read_paused = False
            self._advance()

    def _check_head(self, named: dict[bytes, bytes]) -> None:
        """Raises ValueError for a head that is refused: the parser goes no further."""
        version = self.parser.get_http_version()
        self._fault = fault_of(self.headers, named, version, upgrade=self.parser.should_upgrade())
        if self._is_excess and not path_of(self.url).endswith(RESERVED_PATHS):
            self._fault = TooManyConnections()
        if self._fault is not None:
            raise ValueError

    def _refuse(self, error: DomainError) -> None:
        """Respond with a problem unless a response has begun, and end the connection."""
        cycle: RequestResponseCycle | None = self.cycle
        is_running = cycle is not None and not cycle.response_complete
        if cycle is not None and is_running:
            if cycle.response_started:
                self.transport.abort()
                return
            # The application sees a disconnect, and records the request itself.
            cycle.disconnected = True
            cycle.message_event.set()
        elif self._phase is BODY:
            self.transport.close()
            return
        if isinstance(error, TooManyConnections):
            self._rules.ended.add(EndReason.LIMIT)
        observed = not is_running and not isinstance(error, TooManyConnections)
        self._write(error, self._refused(), observed=observed)
        self._linger()

    def _refused(self) -> Refused:
        """The request as far as it is known."""
        if self._phase < HEAD:
            return Refused([], self.client)
        if self._phase is HEAD:
            method = self.parser.get_method().decode()
            path = path_of(self.url) if self._fault else "/"
            return Refused(self.headers, self.client, method, path)
        headers = self.scope["headers"]
        if record := self.scope["state"].get("record"):
            headers = [(b"x-request-id", record.request_id.encode())]  # the id in the access log
        return Refused(headers, self.client, self.scope["method"], self.scope["path"])

    def _write(self, error: DomainError, refused: Refused, *, observed: bool) -> None:
        common = self.server_state.default_headers
        response = self._rules.refusals.write(error, refused, common, observed=observed)
        self.transport.write(response)

    def _linger(self) -> None:
        """Close for writing, and drop what the client sends until it has read the response."""
        self._phase, self._sweeps = REFUSED, 0
        self._unparsed.clear()
        self.transport.write_eof()
        self.flow.release()

    def _discard(self, data: bytes) -> None:
        self._discarded += len(data)
        if self._discarded > MAX_DISCARDED_BYTES:
            self.transport.abort()

    def sweep(self) -> None:
        """End the connection if it is overdue; called every `sweep_s`."""
        limits = self._rules.limits
        # A body is not late while the application does not read it.
        if not (self._phase is BODY and self.flow.read_paused):
            self._sweeps += 1
        unread = self._unread.sweeps(self.transport.get_write_buffer_size())
        if unread * limits.sweep_s > limits.read_s:
            self._rules.ended.add(EndReason.READ_TIMEOUT)
            self.transport.abort()
            return
        keep_alive, excess = self.timeout_keep_alive, self._is_excess
        allowed = deadline_s(self._phase, limits, keep_alive=keep_alive, excess=excess)
        if self._sweeps * limits.sweep_s > allowed and not self.transport.is_closing():
            self._overdue()

    def _overdue(self) -> None:
        match self._phase:
            case Phase.REFUSED:
                self.transport.abort()
            case Phase.BODY:
                self._rules.ended.add(EndReason.BODY_TIMEOUT)
                self._refuse(BodyTooSlow())
            case Phase.HEAD:
                self._rules.ended.add(EndReason.HEAD_TIMEOUT)
                self._refuse(HeadTooSlow())
            case Phase.NEW:
                self._rules.ended.add(EndReason.HEAD_TIMEOUT)
                self.transport.close()
            case _:
                self.transport.close()
