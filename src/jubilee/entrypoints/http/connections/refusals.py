"""Answers to what never becomes a request of the application: a head that is no head, a timeout."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from jubilee.domain.errors import DomainError, Unavailable
from jubilee.entrypoints.http.framework.edge import DEFAULT_HEADERS, new_record
from jubilee.entrypoints.http.framework.problems import HttpError, problem
from jubilee.observation.requests import RequestObserver

Headers = list[tuple[bytes, bytes]]


class MalformedRequest(HttpError):
    """This is not a well-formed HTTP/1.1 request."""

    code, status = "malformed_request", HTTPStatus.BAD_REQUEST


class UnknownMethod(HttpError):
    """This method is not known here at all."""

    code, status = "unknown_method", HTTPStatus.NOT_IMPLEMENTED


class HeadTooLarge(HttpError):
    """The request line and the headers, or the trailers, are larger than this service takes."""

    code, status = "head_too_large", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class HeadTooSlow(HttpError):
    """The request line and the headers did not arrive in time."""

    code, status = "head_too_slow", HTTPStatus.REQUEST_TIMEOUT


class TooManyConnections(Unavailable):
    """The service has as many connections as it can take; try again in a moment."""

    code, retry_after = "too_many_connections", 5


@dataclass(frozen=True, slots=True)
class Refused:
    """As much of a request as is known; `path` is `/` before the head is complete."""

    headers: Iterable[tuple[bytes, bytes]]
    client: tuple[str, int] | None
    method: str = ""
    path: str = "/"


class Refusals:
    """Writes problem documents as bytes, with the headers that every answer bears."""

    def __init__(self, meter: RequestObserver) -> None:
        """`meter` counts those that stand for a request."""
        self._meter = meter

    def write(
        self, error: DomainError, refused: Refused, common: Headers, *, metered: bool = True
    ) -> bytes:
        """The whole answer; the connection has to end after it. `common` are uvicorn's headers."""
        scope = {"method": refused.method, "headers": refused.headers, "client": refused.client}
        record = new_record(scope)
        response = problem(error, record.request_id, refused.path)
        body = b"" if refused.method == "HEAD" else bytes(response.body)
        record.status, record.sent = response.status_code, len(body)
        if metered:
            self._meter.request_started()
            self._meter.request_finished(record)
        identity = (b"x-request-id", record.request_id.encode())
        headers = [*common, *response.raw_headers, identity, (b"connection", b"close")]
        given = {name for name, _ in headers}
        headers += [pair for pair in DEFAULT_HEADERS if pair[0] not in given]
        lines = [b"%b: %b\r\n" % pair for pair in headers]
        return b"".join((STATUS_LINE[response.status_code], *lines, b"\r\n", body))
