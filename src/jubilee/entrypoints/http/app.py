"""Build the ASGI application from services and options."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from jubilee.domain.outbound.address_policy import AllowedHost
from jubilee.domain.rate_limits.limiter import RateLimiter
from jubilee.domain.services import Services
from jubilee.domain.tasks.task import TASK_ID
from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from jubilee.entrypoints.http.framework.context import (
    ApiContext,
    BodyLimits,
    InFlightRequests,
    PublicInfo,
)
from jubilee.entrypoints.http.framework.cursors import Cursors
from jubilee.entrypoints.http.framework.edge import DEFAULT_RULES, EdgeMiddleware, EdgeRules
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint
from jubilee.entrypoints.http.framework.hosts import TrustedHosts
from jubilee.entrypoints.http.framework.problems import PathNotFound, TargetTooLong
from jubilee.entrypoints.http.framework.rate_limits import RequestLimits
from jubilee.entrypoints.http.framework.resource import Resource, refuse
from jubilee.entrypoints.http.registry import ENDPOINTS
from jubilee.observation.requests import (
    NO_CONNECTION_OBSERVER,
    NO_REQUEST_OBSERVER,
    ConnectionObserver,
    MetricsExposition,
    RequestObserver,
)

MAX_TARGET_BYTES = 8_192  # of path and query together


class TaskIdConvertor(StringConvertor):
    """Path parameter that is a task's id or its client's `task_id`."""

    regex = TASK_ID


register_url_convertor("task_id", TaskIdConvertor())


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


def build_app(services: Services, options: HttpOptions, traffic: InFlightRequests) -> ASGIApp:
    """Build the application with all its middleware."""
    cursors = Cursors(*options.cursor_keys)
    rates = RequestLimits(options.rate_limiter) if options.rate_limiter else None
    context = ApiContext(
        services,
        cursors,
        options.limits,
        traffic,
        public=options.public,
        exposition=options.exposition,
        rates=rates,
    )
    app = _limit_target(_route(context))
    if options.hosts:
        app = TrustedHosts(app, options.hosts)
    timeout = options.limits.request_seconds
    return options.trace(EdgeMiddleware(app, traffic, options.meter, timeout, options.edge))


def _route(context: ApiContext) -> ASGIApp:
    """Route by the first segment of the path, so that only its own routes are tried."""
    segments = groupby(sorted(ENDPOINTS, key=_by_segment), key=_segment)
    routers = {
        segment: Router(_routes(found, context), redirect_slashes=False, default=_path_not_found)
        for segment, found in segments
    }

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")[len(scope.get("root_path", "")) :]
        router = routers.get(path[1:].partition("/")[0], _path_not_found)
        await router(scope, receive, send)

    return route


def _routes(endpoints: Iterable[AnyEndpoint], context: ApiContext) -> list[Route]:
    """One route for all methods of a path, so that it answers 405, Allow, OPTIONS and HEAD."""
    paths = groupby(endpoints, key=_path)
    return [Route(_pattern(path), Resource(list(found), context)) for path, found in paths]


def _segment(endpoint: AnyEndpoint) -> str:
    return endpoint.path[1:].partition("/")[0]


def _by_segment(endpoint: AnyEndpoint) -> tuple[str, str]:
    return _segment(endpoint), endpoint.path


def _pattern(path: str) -> str:
    return path.replace("{id}", "{id:uuid}").replace("{task_id}", "{task_id:task_id}")


def _path(endpoint: AnyEndpoint) -> str:
    return endpoint.path


def _limit_target(app: ASGIApp) -> ASGIApp:
    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and len(scope["path"]) + len(scope["query_string"]) > MAX_TARGET_BYTES
        ):
            await refuse(TargetTooLong(), Request(scope, receive))(scope, receive, send)
            return
        await app(scope, receive, send)

    return limited


async def _path_not_found(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await refuse(PathNotFound(), Request(scope, receive))(scope, receive, send)
