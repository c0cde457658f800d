"""A path with all its methods: authentication, validation, the handler, and error responses."""

import asyncio
import logging
from collections.abc import Sequence
from time import monotonic

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.errors import (
    DomainError,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Stale,
    Unavailable,
)
from jubilee.domain.identity import Principal
from jubilee.domain.rate_limits.quotas import RouteClass
from jubilee.entrypoints.http.framework.binding import (
    bind_body,
    bind_query,
    path_violations,
    read_body,
)
from jubilee.entrypoints.http.framework.conditions import wants_existing
from jubilee.entrypoints.http.framework.context import ApiContext
from jubilee.entrypoints.http.framework.deprecation import EndpointRemoved
from jubilee.entrypoints.http.framework.endpoint import Access, AnyEndpoint, Call, Nothing
from jubilee.entrypoints.http.framework.idempotency import respond
from jubilee.entrypoints.http.framework.negotiation import require_acceptable, require_plain
from jubilee.entrypoints.http.framework.problems import (
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    UnsupportedMedia,
    problem,
)
from jubilee.entrypoints.http.framework.representation import Representation
from jubilee.observation.requests import RequestRecord

logger = logging.getLogger(__name__)

MISSING = "The resource that If-Match requires does not exist."


class Resource:
    """An ASGI application that serves one path."""

    def __init__(self, endpoints: Sequence[AnyEndpoint], context: ApiContext) -> None:
        self._endpoints = {endpoint.method: endpoint for endpoint in endpoints}
        self._template = endpoints[0].path
        self._context = context
        self._offered = {method: one.offered for method, one in self._endpoints.items()}
        known = [*self._endpoints, "OPTIONS", *(["HEAD"] if "GET" in self._endpoints else [])]
        self._allow = {"Allow": ", ".join(sorted(known))}
        self._accepted = {
            f"Accept-{method.capitalize()}": ", ".join(endpoint.media)
            for method, endpoint in self._endpoints.items()
            if method in {"PATCH", "POST"} and endpoint.body is not None
        }
        self._represent = {method: Representation.of(e) for method, e in self._endpoints.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request, with a problem on any error."""
        method = str(scope["method"])
        scope["state"]["record"].endpoint = self._template
        request = Request(scope, receive)
        if method == "HEAD" and "GET" in self._endpoints:
            method, send = "GET", _without_body(send)
        response = await self._answer(method, request)
        await response(scope, receive, send)

    async def _answer(self, method: str, request: Request) -> Response:
        endpoint = self._endpoints.get(method)
        if endpoint is None:
            return self._other_method(method, request)
        deprecation = endpoint.deprecation
        if deprecation is None:
            return await self._respond(endpoint, request)
        if deprecation.is_removed:
            return deprecation.announce(refuse(EndpointRemoved(), request, oauth=endpoint.oauth))
        return deprecation.announce(await self._respond(endpoint, request))

    async def _respond(self, endpoint: AnyEndpoint, request: Request) -> Response:
        try:
            response = await respond(endpoint, await self._call(endpoint, request))
            return await self._represent[endpoint.method].choose(request, response)
        except UnsupportedMedia as error:
            response = refuse(error, request, oauth=endpoint.oauth)
            response.headers.update(self._accepted)
            return response
        except DomainError as error:
            return refuse(_conditional(error, endpoint, request), request, oauth=endpoint.oauth)
        except asyncio.CancelledError:
            # Cancelled at the end of the shutdown: uvicorn would respond with a plain 500.
            if not self._context.traffic.draining:
                raise
            return refuse(Unavailable(), request, oauth=endpoint.oauth)
        except Exception:
            extra = {"method": endpoint.method, "route": endpoint.path}
            logger.exception("request failed", extra=extra)
            return refuse(InternalError(), request, oauth=endpoint.oauth)

    def _other_method(self, method: str, request: Request) -> Response:
        if method == "OPTIONS":
            return Response(status_code=204, headers=self._allow | self._accepted)
        response = refuse(MethodNotAllowed(), request)
        response.headers.update(self._allow)
        return response

    async def _call(self, endpoint: AnyEndpoint, request: Request) -> Call[BaseModel, BaseModel]:
        """Authenticate, then validate: anonymous clients learn nothing about the body's schema."""
        caller = await self._admitted(endpoint, request)
        if endpoint.recent_proof and caller is not None:
            self._context.services.proofs.require_recent(caller)
        violations = path_violations(request.path_params)
        if violations:
            raise InvalidRequest(violations)
        require_acceptable(request.headers, self._offered[endpoint.method])
        query = bind_query(endpoint.query or Nothing, request.scope["query_string"])
        if endpoint.body is None:
            return Call(request, self._context, caller, Nothing(), query)
        raw = await self._content(endpoint, request)
        body = bind_body(endpoint, endpoint.body, request.headers.get("content-type", ""), raw)
        return Call(request, self._context, caller, body, query, raw)

    async def _content(self, endpoint: AnyEndpoint, request: Request) -> bytes:
        require_plain(request.headers)
        limits = self._context.limits
        limit = min(endpoint.max_body_bytes or limits.body_bytes, limits.body_bytes)
        began = monotonic()
        raw = await read_body(request, limit=limit, seconds=limits.body_seconds)
        # The client's time does not count towards the deadline.
        request.scope["state"]["record"].deadline += monotonic() - began
        return raw

    async def _admitted(self, endpoint: AnyEndpoint, request: Request) -> Principal | None:
        """Authenticate and count the request; a failed authentication counts as anonymous."""
        rates, name = self._context.rates, endpoint.route_class
        if rates is None or name is None:
            return await self._caller(endpoint, request)
        record: RequestRecord = request.scope["state"]["record"]
        try:
            caller = await self._caller(endpoint, request)
        except NotAuthenticated:
            await rates.admit(RouteClass.ANONYMOUS, record)
            raise
        except NotAllowed:
            await rates.admit(name, record)
            raise
        await rates.admit(name, record)
        return caller

    async def _caller(self, endpoint: AnyEndpoint, request: Request) -> Principal | None:
        access = endpoint.access
        authorization = request.headers.get("authorization")
        if access is Access.ANYONE or (access is Access.OPTIONAL and authorization is None):
            return None
        if authorization is None:
            raise NotAuthenticated
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidToken
        principal = await self._context.services.auth.authenticate(token.strip())
        request.scope["state"]["record"].user_id = str(principal.user_id)
        principal.require(endpoint.scopes)
        if access is Access.ADMIN and not principal.is_admin:
            raise NotAllowed
        return principal


def _conditional(error: DomainError, endpoint: AnyEndpoint, request: Request) -> DomainError:
    """With `If-Match: *`, a missing resource is a failed precondition."""
    missing = isinstance(error, NotFound) and endpoint.conditional
    return Stale(MISSING) if missing and wants_existing(request.headers) else error


def refuse(error: DomainError, request: Request, *, oauth: bool = False) -> Response:
    """Respond to this request with the problem document of an error."""
    record: RequestRecord = request.scope["state"]["record"]
    return problem(error, record.request_id, request.scope["path"], oauth=oauth)


def _without_body(send: Send) -> Send:
    async def head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    return head
