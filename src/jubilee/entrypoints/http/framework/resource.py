"""A path with all its methods: authentication, validation, the handler, and error responses."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from jubilee.domain.api_tokens.token import PREFIX
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
from jubilee.domain.scopes import Scope
from jubilee.entrypoints.http.framework.binding import (
    bind_body,
    bind_query,
    path_violations,
    read_body,
)
from jubilee.entrypoints.http.framework.conditions import wants_existing
from jubilee.entrypoints.http.framework.context import ApiContext
from jubilee.entrypoints.http.framework.deprecation import EndpointRemoved
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyCall,
    AnyEndpoint,
    Call,
    Nothing,
)
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

ANYONE, OPTIONAL = Access.ANYONE, Access.OPTIONAL  # looked up slowly before Python 3.12
NOTHING = Nothing()
ANY_MEDIA = b"*/*"
IMPERSONATED_BY = b"impersonated-by"
"""On every answer to a token by which one account acts as another: the id of that account."""
MISSING = "The resource that If-Match requires does not exist."


class Resource:
    """All methods of one path."""

    def __init__(self, methods: Sequence["PreparedEndpoint"], context: ApiContext) -> None:
        endpoints = [each.endpoint for each in methods]
        self._prepared = {each.endpoint.method: each for each in methods}
        self._template = endpoints[0].path
        self._context = context
        known = [*self._prepared, "OPTIONS", *(["HEAD"] if "GET" in self._prepared else [])]
        self._allow = {"Allow": ", ".join(sorted(known))}
        self._accepted = {
            f"Accept-{e.method.capitalize()}": ", ".join(e.media)
            for e in endpoints
            if e.method in {"PATCH", "POST"} and e.body is not None
        }

    async def respond(self, request: Request, record: RequestRecord) -> Response:
        """Respond to one request, with a problem on any error."""
        record.endpoint = self._template
        method = str(request.scope["method"])
        prepared = self._prepared.get("GET" if method == "HEAD" else method)
        if prepared is None:
            return self._other_method(method, request)
        deprecation = prepared.endpoint.deprecation
        if deprecation is None:
            return await self._answer(prepared, request, record)
        if deprecation.is_removed:
            oauth = prepared.endpoint.oauth
            return deprecation.announce(refuse(EndpointRemoved(), request, oauth=oauth))
        return deprecation.announce(await self._answer(prepared, request, record))

    async def _answer(
        self, prepared: "PreparedEndpoint", request: Request, record: RequestRecord
    ) -> Response:
        endpoint = prepared.endpoint
        try:
            call = await self._call(prepared, request, record)
            if b"idempotency-key" in record.named:
                response = await respond(endpoint, call)
            else:
                response = await endpoint.handler(call)
            return await prepared.representation.choose(request, record, response)
        except UnsupportedMedia as error:
            response = refuse(error, request, oauth=endpoint.oauth)
            response.headers.update(self._accepted)
            return response
        except DomainError as error:
            return refuse(_conditional(error, endpoint, request), request, oauth=endpoint.oauth)
        except asyncio.CancelledError:
            # Cancelled at the end of the shutdown: uvicorn would respond with a plain 500.
            if not self._context.in_flight.draining:
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

    async def _call(
        self, prepared: "PreparedEndpoint", request: Request, record: RequestRecord
    ) -> AnyCall:
        """Authenticate, then validate: anonymous clients learn nothing about the body's schema."""
        endpoint = prepared.endpoint
        caller = await self._admitted(prepared, record)
        if caller is not None:
            self._require_proofs(endpoint, caller)
        for value in request.path_params.values():
            if isinstance(value, str) and not value.isprintable():
                _check_path(request.path_params)
        prepared.require_acceptable(request, record)
        encoded: bytes = request.scope["query_string"]
        query = prepared.no_query
        if query is None or encoded:
            query = bind_query(endpoint.query or Nothing, encoded)
        if endpoint.body is None:
            return Call(request, self._context, caller, NOTHING, query)
        raw = await self._content(endpoint, request, record)
        content_type = record.named.get(b"content-type", b"").decode("latin-1")
        body = await bind_body(endpoint, endpoint.body, content_type, raw)
        return Call(request, self._context, caller, body, query, raw)

    def _require_proofs(self, endpoint: AnyEndpoint, caller: Principal) -> None:
        proofs = self._context.services.proofs
        if not endpoint.for_enrolment:
            proofs.require_factor(caller)
        if endpoint.recent_proof:
            proofs.require_recent(caller)

    async def _content(
        self, endpoint: AnyEndpoint, request: Request, record: RequestRecord
    ) -> bytes:
        if b"content-encoding" in record.named:
            require_plain(request.headers)
        limits = self._context.limits
        limit = min(endpoint.max_body_bytes or limits.body_bytes, limits.body_bytes)
        began = monotonic()
        raw = await read_body(request, record.received, limit=limit, seconds=limits.body_seconds)
        # The client's time does not count towards the deadline.
        record.deadline += monotonic() - began
        return raw

    async def _admitted(
        self, prepared: "PreparedEndpoint", record: RequestRecord
    ) -> Principal | None:
        """Authenticate and count the request; a failed authentication counts as anonymous."""
        rates, caller = self._context.rates, None
        name = None if rates is None else prepared.rate
        access = prepared.endpoint.access
        if access is not ANYONE and (access is not OPTIONAL or b"authorization" in record.named):
            try:
                caller = await self._caller(prepared, record)
            except (NotAuthenticated, NotAllowed) as error:
                if rates is not None and name is not None:
                    is_known = isinstance(error, NotAllowed)
                    await rates.admit(name if is_known else RouteClass.ANONYMOUS, record)
                raise
        if rates is not None and name is not None:
            await rates.admit(name, record)
        return caller

    async def _caller(self, prepared: "PreparedEndpoint", record: RequestRecord) -> Principal:
        authorization = record.named.get(b"authorization")
        if authorization is None:
            raise NotAuthenticated
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() != b"bearer":
            raise InvalidToken
        principal = await self._principal(token.strip().decode("latin-1"))
        _note_caller(record, principal)
        principal.require(prepared.scopes)
        if prepared.endpoint.access is Access.ADMIN and not principal.is_admin:
            raise NotAllowed
        return principal

    async def _principal(self, token: str) -> Principal:
        services = self._context.services
        if not token.startswith(PREFIX):
            return await services.auth.authenticate(token)
        principal = await services.api_tokens.authenticate(token)
        if principal is None:
            raise InvalidToken
        return principal


@dataclass(frozen=True, slots=True)
class PreparedEndpoint:
    """What an endpoint's data mean for each request, derived from them once."""

    endpoint: AnyEndpoint
    representation: Representation
    offered: tuple[str, ...]
    scopes: frozenset[Scope]
    rate: RouteClass | None
    no_query: BaseModel | None
    """The query of a request without one; None if it needs one."""

    @classmethod
    def of(cls, endpoint: AnyEndpoint) -> "PreparedEndpoint":
        """Derive it from the endpoint's data."""
        model = endpoint.query or Nothing
        is_needed = any(member.is_required() for member in model.model_fields.values())
        return cls(
            endpoint,
            Representation.of(endpoint),
            endpoint.offered,
            endpoint.scopes,
            endpoint.route_class,
            None if is_needed else model(),
        )

    def require_acceptable(self, request: Request, record: RequestRecord) -> None:
        """Raise NotAcceptable if `Accept` excludes all media types of the responses."""
        if record.named.get(b"accept", ANY_MEDIA) != ANY_MEDIA or record.has_repeated_headers:
            require_acceptable(request.headers, self.offered)


def _check_path(values: Mapping[str, object]) -> None:
    violations = path_violations(values)
    if violations:
        raise InvalidRequest(violations)


def _note_caller(record: RequestRecord, principal: Principal) -> None:
    record.user_id = str(principal.user_id)
    if principal.impersonator_id is not None:
        record.impersonator_id = str(principal.impersonator_id)
        banner = (IMPERSONATED_BY, record.impersonator_id.encode())
        record.response_headers = (*record.response_headers, banner)


def _conditional(error: DomainError, endpoint: AnyEndpoint, request: Request) -> DomainError:
    """With `If-Match: *`, a missing resource is a failed precondition."""
    missing = isinstance(error, NotFound) and endpoint.conditional
    return Stale(MISSING) if missing and wants_existing(request.headers) else error


def refuse(error: DomainError, request: Request, *, oauth: bool = False) -> Response:
    """Respond to this request with the problem document of an error."""
    record: RequestRecord = request.scope["state"]["record"]
    return problem(error, record.request_id, request.scope["path"], oauth=oauth)
