"""Deprecated endpoints (RFC 9745), and their removal (RFC 8594)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus

from starlette.responses import Response

from jubilee.entrypoints.http.framework.problems import HttpError


class EndpointRemoved(HttpError):
    """The endpoint was removed; `Link` leads to what replaces it."""

    code, status = "endpoint_removed", HTTPStatus.GONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """Since when an endpoint is deprecated, when it is removed, and the page that says why.

    The page is a URL or a path. Raises ValueError if it is removed before it is deprecated.
    """

    since: datetime
    page: str
    sunset: datetime | None = None

    def __post_init__(self) -> None:
        if self.sunset is not None and self.sunset < self.since:
            raise ValueError("an endpoint is not removed before it is deprecated")

    @property
    def is_removed(self) -> bool:
        """Whether the sunset has passed: the endpoint answers 410."""
        return self.sunset is not None and self.sunset <= datetime.now(UTC)

    def announce(self, response: Response) -> Response:
        """Add the headers to a response, and return it."""
        headers = response.headers
        headers["Deprecation"] = f"@{int(self.since.timestamp())}"
        headers.append("Link", f'<{self.page}>; rel="deprecation"; type="text/html"')
        if self.sunset is not None:
            headers["Sunset"] = format_datetime(self.sunset.astimezone(UTC), usegmt=True)
            headers.append("Link", f'<{self.page}>; rel="sunset"; type="text/html"')
        return response
