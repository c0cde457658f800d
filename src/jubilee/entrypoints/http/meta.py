"""The service about itself: what it is, and whether it can serve."""

from collections.abc import Mapping

from pydantic import BaseModel
from starlette.responses import Response

from jubilee import __version__
from jubilee.domain.health import Health, SchemaStatus
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Handler,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.problems import NotReady, PathNotFound
from jubilee.entrypoints.http.framework.responses import ok

TAG = "meta"
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
NAME = "Jubilee"
LINKS = {
    "docs": "docs",
    "redoc": "redoc",
    "openapi": "openapi.json",
    "health": "health/ready",
}


class HomeReply(BaseModel):
    """What answers here, and where to go on."""

    name: str
    version: str
    links: dict[str, str]


class HealthReply(BaseModel):
    """That it serves, and how its dependencies are."""

    status: str
    checks: dict[str, str]


async def home(call: Call[Nothing, Nothing]) -> Response:
    """GET /."""
    links = {name: f"{call.mount}/{path}" for name, path in LINKS.items()}
    return ok(HomeReply(name=NAME, version=__version__, links=links))


async def live(_: Call[Nothing, Nothing]) -> Response:
    """GET /health/live: whoever can answer this is alive; it asks nobody else."""
    return ok(HealthReply(status="ok", checks={}))


async def ready(call: Call[Nothing, Nothing]) -> Response:
    """GET /health and /health/ready."""
    health = await call.services.health.check()
    checks = _checks(health, draining=call.context.traffic.draining)
    if not health.ready or call.context.traffic.draining:
        raise NotReady(checks)
    return ok(HealthReply(status="ok", checks=checks))


async def database(call: Call[Nothing, Nothing]) -> Response:
    """GET /health/db."""
    schema = await call.services.health.schema()
    checks = _database(schema)
    if schema in {None, SchemaStatus.BEHIND}:
        raise NotReady(checks)
    return ok(HealthReply(status="ok", checks=checks))


async def metrics(call: Call[Nothing, Nothing]) -> Response:
    """GET /metrics, unless METRICS_PORT has moved it."""
    if call.context.exposition is None:
        raise PathNotFound
    return Response(call.context.exposition(), media_type=EXPOSITION)


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


def _health(path: str, name: str, summary: str, handler: Handler[Nothing, Nothing]) -> AnyEndpoint:
    return Endpoint(
        method="GET",
        path=path,
        name=name,
        summary=summary,
        tag=TAG,
        handler=handler,
        access=Access.ANYONE,
        replies=(
            ResponseSpec(
                status=200,
                description="It is.",
                model=HealthReply,
                example={"status": "ok", "checks": {"postgres": "ok", "schema": "current"}},
            ),
        ),
        errors=() if handler is live else (NotReady,),
        needs_database=handler is not live,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/",
        name="home",
        summary="Name, version, links",
        tag=TAG,
        handler=home,
        access=Access.ANYONE,
        needs_database=False,
        replies=(
            ResponseSpec(
                status=200,
                description="What answers here.",
                model=HomeReply,
                example={"name": NAME, "version": __version__, "links": {"docs": "/api/docs"}},
            ),
        ),
    ),
    Endpoint(
        method="GET",
        path="/metrics",
        name="metrics",
        summary="Metrics as Prometheus text; METRICS_PORT moves them to a listener of their own",
        tag=TAG,
        handler=metrics,
        access=Access.ANYONE,
        needs_database=False,
        replies=(ResponseSpec(status=200, description="The metrics.", media=EXPOSITION),),
        errors=(PathNotFound,),
    ),
    _health("/health", "health", "Whether this instance can serve", ready),
    _health("/health/live", "healthLive", "Whether the process is alive", live),
    _health("/health/ready", "healthReady", "Whether this instance can serve", ready),
    _health("/health/db", "healthDatabase", "Whether PostgreSQL can be used", database),
)
