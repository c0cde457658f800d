"""Build the ASGI application from services and options."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby

from starlette.types import ASGIApp

from jubilee.domain.outbound.address_policy import AllowedHost
from jubilee.domain.rate_limits.limiter import RateLimiter
from jubilee.domain.services import Services
from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from jubilee.entrypoints.http.framework.context import (
    ApiContext,
    BodyLimits,
    InFlightRequests,
    PublicInfo,
)
from jubilee.entrypoints.http.framework.cursors import Cursors
from jubilee.entrypoints.http.framework.dispatching import Dispatcher
from jubilee.entrypoints.http.framework.edge import DEFAULT_RULES, EdgeMiddleware, EdgeRules
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint
from jubilee.entrypoints.http.framework.hosts import TrustedHosts
from jubilee.entrypoints.http.framework.rate_limits import RequestLimits
from jubilee.entrypoints.http.framework.resource import PreparedEndpoint, Resource
from jubilee.entrypoints.http.registry import ENDPOINTS
from jubilee.observation.requests import (
    NO_CONNECTION_OBSERVER,
    NO_REQUEST_OBSERVER,
    ConnectionObserver,
    MetricsExposition,
    RequestObserver,
)


def _untraced(app: ASGIApp) -> ASGIApp:
    return app


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """Options of the API beside its services."""

    limits: BodyLimits
    cursor_keys: tuple[bytes, ...] = field(repr=False)
    edge: EdgeRules = DEFAULT_RULES
    hosts: Sequence[AllowedHost] = ()
    """Host names under which the API may be called; empty: any."""
    public: PublicInfo = field(default_factory=PublicInfo)
    meter: RequestObserver = NO_REQUEST_OBSERVER
    exposition: MetricsExposition | None = None
    trace: Callable[[ASGIApp], ASGIApp] = _untraced
    """Wraps the whole application in tracing middleware."""
    rate_limiter: RateLimiter | None = None
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    connection_observer: ConnectionObserver = NO_CONNECTION_OBSERVER


def build_app(services: Services, options: HttpOptions, in_flight: InFlightRequests) -> ASGIApp:
    """Build the application with all its middleware."""
    cursors = Cursors(*options.cursor_keys)
    rates = RequestLimits(options.rate_limiter) if options.rate_limiter else None
    context = ApiContext(
        services,
        cursors,
        options.limits,
        in_flight,
        public=options.public,
        exposition=options.exposition,
        rates=rates,
    )
    dispatcher = Dispatcher(_resources(context), TrustedHosts(options.hosts))
    timeout = options.limits.request_seconds
    edge = EdgeMiddleware(dispatcher.respond, in_flight, options.meter, timeout, options.edge)
    return options.trace(edge)


def _resources(context: ApiContext) -> Iterable[tuple[str, Resource]]:
    """One resource for all methods of a path, so that it answers 405, Allow, OPTIONS and HEAD."""
    for path, methods in _methods():
        yield path, Resource(methods, context)


@cache  # the same for every application of a process, of which tests make thousands
def _methods() -> Sequence[tuple[str, Sequence[PreparedEndpoint]]]:
    """The endpoints of each path."""
    by_path = groupby(sorted(ENDPOINTS, key=_path), key=_path)
    return [(path, [*map(PreparedEndpoint.of, endpoints)]) for path, endpoints in by_path]


def _path(endpoint: AnyEndpoint) -> str:
    return endpoint.path
