"""Responses to requests that never reach the application: malformed, too large, too slow."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from jubilee.domain.errors import DomainError, Unavailable
from jubilee.entrypoints.http.framework.edge import (
    DEFAULT_RULES,
    EdgeRules,
    add_default_headers,
    new_record,
)
from jubilee.entrypoints.http.framework.problems import HttpError, problem
from jubilee.observation.requests import RequestObserver


class MalformedRequest(HttpError):
    """The request is not well-formed HTTP/1.1."""

    code, status = "malformed_request", HTTPStatus.BAD_REQUEST


class UnknownMethod(HttpError):
    """The service does not support this method on any path."""

    code, status = "unknown_method", HTTPStatus.NOT_IMPLEMENTED


class HeadTooLarge(HttpError):
    """The request line and headers, or the trailers, are larger than this service accepts."""

    code, status = "head_too_large", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class HeadTooSlow(HttpError):
    """The request line and the headers did not arrive in time."""

    code, status = "head_too_slow", HTTPStatus.REQUEST_TIMEOUT


class TooManyConnections(Unavailable):
    """The service has reached its limit of connections; try again in a moment."""

    code, retry_after_s = "too_many_connections", 5


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused request as far as it is known; `path` is `/` before the head is complete."""

    headers: Iterable[tuple[bytes, bytes]]
    client: tuple[str, int] | None
    method: str = ""
    path: str = "/"


class Refusals:
    """Writes problem documents as bytes, with the headers of all responses."""

    def __init__(self, observer: RequestObserver, rules: EdgeRules = DEFAULT_RULES) -> None:
        """`observer` is called for refused requests as for those that the application serves."""
        self._observer = observer
        self._rules = rules

    def write(
        self,
        error: DomainError,
        refused: Refused,
        common: Iterable[tuple[bytes, bytes]],
        *,
        observed: bool = True,
    ) -> bytes:
        """Return the whole response, which ends the connection; `common` are uvicorn's headers.

        `observed=False`: the request is recorded elsewhere, by the application or as a connection.
        """
        scope = {"method": refused.method, "headers": refused.headers, "client": refused.client}
        named = dict(refused.headers)
        record = new_record(scope, named, self._rules.proxies)
        response = problem(error, record.request_id, refused.path)
        body = b"" if refused.method == "HEAD" else bytes(response.body)
        record.status, record.sent = response.status_code, len(body)
        if observed:
            self._observer.request_started()
            self._observer.request_finished(record)
        request_id = (b"x-request-id", record.request_id.encode())
        cors = self._rules.cors.lines(refused.method, named)
        headers = [*common, *response.raw_headers, *cors, request_id, (b"connection", b"close")]
        add_default_headers(headers)
        lines = [b"%b: %b\r\n" % pair for pair in headers]
        return b"".join((STATUS_LINE[response.status_code], *lines, b"\r\n", body))
