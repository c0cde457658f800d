"""Problems that an operation can respond with, and their schemas."""

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from pydantic import Field

from jubilee.domain.auth.pending import MfaRequired
from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.errors import DomainError, NotAllowed, NotAuthenticated, Stale, Unavailable
from jubilee.domain.factors.factor import FactorKind, FactorRequired
from jubilee.domain.idempotency.answers import IdempotencyKeyInUse, IdempotencyKeyReused
from jubilee.domain.rate_limits.quotas import RateLimited
from jubilee.domain.scopes import (
    TOKEN_SCOPES,
    ImpersonationRefused,
    InsufficientScope,
    Scope,
    SessionRequired,
)
from jubilee.domain.users.recent_proof import ReauthenticationRequired
from jubilee.entrypoints.http.framework.conditions import MalformedCondition
from jubilee.entrypoints.http.framework.cursors import InvalidCursor
from jubilee.entrypoints.http.framework.deprecation import EndpointRemoved
from jubilee.entrypoints.http.framework.endpoint import Access, AnyEndpoint, Idempotency, ReplyModel
from jubilee.entrypoints.http.framework.hosts import is_health
from jubilee.entrypoints.http.framework.idempotency import MalformedIdempotencyKey
from jubilee.entrypoints.http.framework.paging import PageQuery
from jubilee.entrypoints.http.framework.problems import (
    BodyTooLarge,
    BodyTooSlow,
    InternalError,
    InvalidRequest,
    MalformedBody,
    MalformedQuery,
    NotAcceptable,
    NotReady,
    PathNotFound,
    TargetTooLong,
    UnknownHost,
    UnsupportedEncoding,
    UnsupportedMedia,
    Violation,
    problem,
    status_of,
)

ErrorClass: TypeAlias = type[DomainError]


class Problem(ReplyModel):
    """An error (RFC 9457). Clients may rely on `code`."""

    type: str = Field(
        description="path of the page that explains `code`, or a type that is registered "
        "for all services; `/problems` lists all pages",
        json_schema_extra={"format": "uri-reference"},
    )
    title: str = Field(description="meaning of `code`")
    status: int = Field(description="status of the response", ge=400, le=599)
    detail: str = Field(description="reason for this occurrence")
    instance: str = Field(description="path of the request")
    code: str = Field(description="stable identifier of the problem")
    request_id: str = Field(description="id of the request, as in the service's logs")
    errors: list[Violation] = Field(
        default_factory=list, description="the invalid members of the request"
    )
    violated_policies: list[str] = Field(
        default_factory=list,
        alias="violated-policies",
        description="the quotas that are used up, as in `RateLimit-Policy`, for `rate_limited`",
    )
    mfa_token: str = Field(
        "", description="token of the sign-in, for `POST /auth/mfa`, for `mfa_required`"
    )
    factors: list[str] = Field(
        default_factory=list,
        description="factors that the account can use: `totp`, `recovery_code`, `passkey`, for"
        " `mfa_required`",
    )
    checks: dict[str, str] = Field(
        default_factory=dict, description="states of the dependencies, for `not_ready`"
    )


class OAuthProblem(Problem):
    """A problem with the members of RFC 6749, for token endpoints."""

    error: str
    error_description: str


SAMPLES: dict[ErrorClass, DomainError] = {
    InvalidRequest: InvalidRequest(
        [Violation("#/surname", "Extra inputs are not permitted", "extra_forbidden")]
    ),
    MfaRequired: MfaRequired(
        "kq0Zb3J9yqfJ0m1nJ6cQy0dH5q2Rr8w7uVxgTzvPnLs",
        (FactorKind.TOTP, FactorKind.RECOVERY_CODE),
    ),
    NotReady: NotReady({"postgres": "unavailable"}),
    InsufficientScope: InsufficientScope([Scope.ITEMS_WRITE]),
}
"""Samples of errors whose constructors take what the document shows."""


def errors_by_status(endpoint: AnyEndpoint) -> dict[int, list[ErrorClass]]:
    """Return all errors of the endpoint by status, one for each code."""
    by_code = {error.code: error for error in (*endpoint.errors, *_implied(endpoint))}
    found: dict[int, list[ErrorClass]] = {}
    for error in sorted(by_code.values(), key=lambda error: error.code):
        found.setdefault(int(status_of(error)), []).append(error)
    return found


def sample(error: ErrorClass, *, oauth: bool) -> tuple[dict[str, Any], list[str]]:
    """Return a problem document as the service writes it, and the names of its headers."""
    raised = SAMPLES.get(error) or error()
    response = problem(raised, "5f2b8c1e9a7d4c3b8e6f0a1b2c3d4e5f", "/api/hello/zoe", oauth=oauth)
    return json.loads(bytes(response.body)), list(response.headers)


def _implied(endpoint: AnyEndpoint) -> Iterator[ErrorClass]:
    """Errors that follow from the endpoint's data; the query is validated even if unused."""
    yield from (MalformedQuery, InvalidRequest, TargetTooLong, InternalError)
    if not is_health(endpoint.path):
        yield UnknownHost
    if "{" in endpoint.path:
        yield PathNotFound
    if endpoint.needs_database:
        yield Unavailable
    if endpoint.deprecation is not None and endpoint.deprecation.sunset is not None:
        yield EndpointRemoved
    yield from _content_errors(endpoint)
    yield from _refusals(endpoint)


def _content_errors(endpoint: AnyEndpoint) -> Iterator[ErrorClass]:
    if endpoint.offered:
        yield NotAcceptable
    if endpoint.query is not None and issubclass(endpoint.query, PageQuery):
        yield InvalidCursor
    if endpoint.is_tagged:
        yield MalformedCondition
    if endpoint.body is not None:
        yield from (MalformedBody, BodyTooSlow, BodyTooLarge)
        yield from (UnsupportedMedia, UnsupportedEncoding)
    if endpoint.idempotency is not Idempotency.NONE:
        yield from (MalformedIdempotencyKey, IdempotencyKeyInUse, IdempotencyKeyReused)


def _refusals(endpoint: AnyEndpoint) -> Iterator[ErrorClass]:
    if endpoint.route_class is not None:
        yield RateLimited
    if endpoint.access is not Access.ANYONE:
        yield from (NotAuthenticated, InvalidToken)
        yield InsufficientScope if endpoint.scope in TOKEN_SCOPES else SessionRequired
        yield ImpersonationRefused
        if not endpoint.for_enrolment:
            yield FactorRequired
    if endpoint.access in {Access.ROLE, Access.ADMIN}:
        yield NotAllowed
    if endpoint.recent_proof:
        yield ReauthenticationRequired
    if endpoint.conditional:
        yield Stale
