"""OpenTelemetry's names for our metrics: the same series, translated when they are exported.

Only metrics whose required attributes are known are translated. TLS ends before the service, so
`url.scheme` is always http.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from opentelemetry.util.types import AttributeValue
from prometheus_client.metrics_core import Metric as Family

from jubilee.adapters.telemetry.instruments import REQUEST_LABELS, Instruments

SERVER_ERROR = 500
HTTP = {"url.scheme": "http"}
POSTGRESQL = {"db.system.name": "postgresql"}
POOL = {"db.client.connection.pool.name": "postgresql"}
PROCESSING = {"messaging.system": "jubilee", "messaging.operation.name": "process"}
SENDING = {"messaging.system": "jubilee", "messaging.operation.name": "send"}

PointAttributes: TypeAlias = dict[str, AttributeValue]
Translate: TypeAlias = Callable[[Mapping[str, str]], PointAttributes]


@dataclass(frozen=True, slots=True)
class Convention:
    """How a family is called by convention: its name, unit and attributes."""

    name: str
    unit: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Attributes that all series have."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels, and the attributes that they become."""
    is_sum: bool = False
    """Whether a gauge is an UpDownCounter by convention: its series can be added up."""

    def translate(self, labels: Mapping[str, str]) -> PointAttributes:
        """The attributes of a series; labels without an attribute are left out."""
        named = {self.labels[name]: text for name, text in labels.items() if name in self.labels}
        return {**self.attributes, **named}


class RequestConvention(Convention):
    """A metric of requests: the status is a number, unknown routes and methods have no name."""

    __slots__ = ()

    def translate(self, labels: Mapping[str, str]) -> PointAttributes:
        """The attributes of a series that was recorded by REQUEST_LABELS."""
        method, route, status = (labels[name] for name in REQUEST_LABELS)
        found: PointAttributes = {**HTTP, "http.request.method": method}
        if method == "OTHER":
            found["http.request.method"] = "_OTHER"
        if route != "unmatched":
            found["http.route"] = route
        if status.isdecimal():
            found["http.response.status_code"] = int(status)
            if int(status) >= SERVER_ERROR:
                found["error.type"] = status
        return found


CONVENTIONS = {
    "http_request_duration_seconds": RequestConvention("http.server.request.duration", "s"),
    "http_request_size_bytes": RequestConvention("http.server.request.body.size", "By"),
    "http_response_size_bytes": RequestConvention("http.server.response.body.size", "By"),
    "db_client_operation_duration_seconds": Convention(
        "db.client.operation.duration", "s", POSTGRESQL, {"operation": "db.operation.name"}
    ),
    "redis_client_operation_duration_seconds": Convention(
        "db.client.operation.duration", "s", {"db.system.name": "redis"}
    ),
    "db_pool_connections": Convention(
        "db.client.connection.count",
        "{connection}",
        POOL,
        {"state": "db.client.connection.state"},
        is_sum=True,
    ),
    "db_pool_connections_max": Convention(
        "db.client.connection.max", "{connection}", POOL, is_sum=True
    ),
    "db_pool_wait_seconds": Convention("db.client.connection.wait_time", "s", POOL),
    "jobs_enqueued": Convention(
        "messaging.client.sent.messages", "{message}", SENDING, {"kind": "jubilee.job.kind"}
    ),
    "jobs_started": Convention(
        "messaging.client.consumed.messages",
        "{message}",
        PROCESSING,
        {"kind": "jubilee.job.kind", "lane": "messaging.destination.name"},
    ),
    "job_duration_seconds": Convention(
        "messaging.process.duration", "s", PROCESSING, {"kind": "jubilee.job.kind"}
    ),
    "process_cpu_seconds": Convention("process.cpu.time", "s"),
    "process_resident_memory_bytes": Convention("process.memory.usage", "By", is_sum=True),
    "process_virtual_memory_bytes": Convention("process.memory.virtual", "By", is_sum=True),
    "process_open_fds": Convention(
        "process.unix.file_descriptor.count", "{file_descriptor}", is_sum=True
    ),
}
"""By the family's name, which has no `_total`."""


def conventional(instruments: Instruments) -> Iterator[tuple[Convention, Family]]:
    """All families that have a name by convention, those of requests by their exact status."""
    by_status = {
        family.name: family
        for source in (
            instruments.request_seconds,
            instruments.request_bytes,
            instruments.response_bytes,
        )
        for family in (source.recorded(REQUEST_LABELS),)
    }
    for family in instruments.registry.collect():
        convention = CONVENTIONS.get(family.name)
        if convention is not None:
            yield convention, by_status.get(family.name, family)
