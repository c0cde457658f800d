"""Name and version of the service, health checks and metrics."""

from collections.abc import Mapping

from starlette.responses import Response

from jubilee import __version__
from jubilee.domain.errors import Unavailable
from jubilee.domain.health import Health, SchemaStatus
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Handler,
    Nothing,
    ReplyModel,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.problems import NotReady, PathNotFound
from jubilee.entrypoints.http.framework.responses import current_or_known, ok

TAG = "meta"
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
NAME = "Jubilee"
SUMMARIES = {
    "health": "Check readiness",
    "healthLive": "Check liveness",
    "healthReady": "Check readiness",
    "healthDatabase": "Check the connection to PostgreSQL",
}
LINKS = {
    "docs": "docs",
    "redoc": "redoc",
    "openapi": "openapi.json",
    "health": "health/ready",
}


class HomeReply(ReplyModel):
    """Name and version of the service, with links to its documentation."""

    name: str
    version: str
    links: dict[str, str]


class HealthReply(ReplyModel):
    """State of the service and of each dependency."""

    status: str
    checks: dict[str, str]


ALIVE = HealthReply(status="ok", checks={})


async def home(call: Call[Nothing, Nothing]) -> Response:
    """GET /."""
    links = {name: f"{call.mount}/{path}" for name, path in LINKS.items()}
    return ok(HomeReply(name=NAME, version=__version__, links=links))


async def live(_: Call[Nothing, Nothing]) -> Response:
    """GET /health/live: the process answers; no dependency is checked."""
    return ok(ALIVE)


async def ready(call: Call[Nothing, Nothing]) -> Response:
    """GET /health and /health/ready."""
    health = await call.services.health.check()
    draining = call.context.in_flight.draining
    checks = _checks(health, draining=draining)
    if not health.ready or draining:
        raise NotReady(checks)
    return ok(HealthReply(status="ok", checks=checks))


async def database(call: Call[Nothing, Nothing]) -> Response:
    """GET /health/db."""
    schema = await _schema(call)
    checks = _database(schema)
    if schema is SchemaStatus.BEHIND:
        raise NotReady(checks)
    return ok(HealthReply(status="ok", checks=checks))


async def _schema(call: Call[Nothing, Nothing]) -> SchemaStatus:
    """Return the schema's status; raise NotReady if PostgreSQL does not answer."""
    try:
        return await call.services.health.schema()
    except Unavailable as error:
        raise NotReady(_database(None)) from error


async def metrics(call: Call[Nothing, Nothing]) -> Response:
    """GET /metrics; 404 where METRICS_PORT serves the metrics on a port of their own."""
    if call.context.exposition is None:
        raise PathNotFound
    return Response(await call.context.exposition(), media_type=EXPOSITION)


def _checks(health: Health, *, draining: bool) -> Mapping[str, str]:
    checks = {**_database(health.schema), "redis": "ok" if health.redis else "degraded"}
    if not health.mail:
        checks["mail"] = "not configured"
    if draining:
        checks["service"] = "draining"
    return checks


def _database(schema: SchemaStatus | None) -> dict[str, str]:
    if schema is None:
        return {"postgres": "unavailable"}
    return {"postgres": "ok", "schema": schema.value}


def _health(
    path: str, name: str, description: str, handler: Handler[Nothing, Nothing]
) -> AnyEndpoint:
    return Endpoint(
        method="GET",
        path=path,
        name=name,
        summary=SUMMARIES[name],
        tag=TAG,
        handler=handler,
        access=Access.ANYONE,
        replies=(
            ResponseSpec(
                status=200,
                description=description,
                model=HealthReply,
                example={"status": "ok", "checks": {"postgres": "ok", "schema": "current"}},
            ),
        ),
        errors=() if handler is live else (NotReady,),
        limited=False,
        needs_database=handler is not live,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/",
        name="home",
        summary="Get the service's name, version and links",
        tag=TAG,
        handler=home,
        access=Access.ANYONE,
        needs_database=False,
        replies=current_or_known(
            ResponseSpec(
                status=200,
                description="Name, version and links.",
                model=HomeReply,
                headers={"ETag": "version of the response, for `If-None-Match`"},
                example={"name": NAME, "version": __version__, "links": {"docs": "/api/docs"}},
            )
        ),
    ),
    Endpoint(
        method="GET",
        path="/metrics",
        name="metrics",
        summary="Get metrics in the Prometheus text format",
        tag=TAG,
        handler=metrics,
        access=Access.ANYONE,
        needs_database=False,
        replies=(ResponseSpec(status=200, description="The metrics.", media=EXPOSITION),),
        errors=(PathNotFound,),
        limited=False,
    ),
    _health("/health", "health", "The service is ready.", ready),
    _health("/health/live", "healthLive", "The process is running.", live),
    _health("/health/ready", "healthReady", "The service is ready.", ready),
    _health("/health/db", "healthDatabase", "PostgreSQL can be used.", database),
)
