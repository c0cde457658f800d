"""Every problem that an operation can answer with, and what it looks like."""

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from pydantic import BaseModel, Field

from jubilee.domain.auth.tokens import InvalidToken
from jubilee.domain.errors import DomainError, NotAllowed, NotAuthenticated, Stale, Unavailable
from jubilee.entrypoints.http.framework.cursors import InvalidCursor
from jubilee.entrypoints.http.framework.endpoint import Access, AnyEndpoint
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
    UnsupportedEncoding,
    UnsupportedMedia,
    Violation,
    problem,
    status_of,
)

Error: TypeAlias = type[DomainError]


class Problem(BaseModel):
    """What went wrong (RFC 9457). Clients may rely on `code`."""

    type: str = Field(
        description="path of a page that explains `code`; `/problems` lists all of them",
        json_schema_extra={"format": "uri-reference"},
    )
    title: str = Field(description="what `code` means")
    status: int = Field(description="the answer's status", ge=400, le=599)
    detail: str = Field(description="what went wrong this time")
    instance: str = Field(description="the request's path")
    code: str = Field(description="a word that stays the same")
    request_id: str = Field(description="what finds this request in the logs")
    errors: list[Violation] = Field(
        default_factory=list, description="the members at fault, where it is about members"
    )
    checks: dict[str, str] = Field(
        default_factory=dict, description="the states of the dependencies, where it is `not_ready`"
    )


class OAuthProblem(Problem):
    """The same with the members of RFC 6749, where tokens are given."""

    error: str
    error_description: str


SAMPLES: dict[Error, DomainError] = {
    InvalidRequest: InvalidRequest(
        [Violation("#/surname", "Extra inputs are not permitted", "extra_forbidden")]
    ),
    NotReady: NotReady({"postgres": "unavailable"}),
}
"""The errors that are not made from nothing."""


def errors_by_status(endpoint: AnyEndpoint) -> dict[int, list[Error]]:
    """All that the endpoint can refuse or fail at; one error a code."""
    by_code = {error.code: error for error in (*endpoint.errors, *_implied(endpoint))}
    found: dict[int, list[Error]] = {}
    for error in sorted(by_code.values(), key=lambda error: error.code):
        found.setdefault(int(status_of(error)), []).append(error)
    return found


def sample(error: Error, *, oauth: bool) -> tuple[dict[str, Any], list[str]]:
    """A whole problem document as the service itself writes it, and the names of its headers."""
    raised = SAMPLES.get(error) or error()
    response = problem(raised, "5f2b8c1e9a7d4c3b8e6f0a1b2c3d4e5f", "/api/hello/zoe", oauth=oauth)
    return json.loads(bytes(response.body)), list(response.headers)


def _implied(endpoint: AnyEndpoint) -> Iterator[Error]:
    """What follows from the endpoint's shape: every query is read, whatever it is for."""
    yield from (MalformedQuery, InvalidRequest, TargetTooLong, InternalError)
    if endpoint.offered:
        yield NotAcceptable
    if endpoint.query is not None and issubclass(endpoint.query, PageQuery):
        yield InvalidCursor
    if "{" in endpoint.path:
        yield PathNotFound
    if endpoint.body is not None:
        yield from (MalformedBody, BodyTooSlow, BodyTooLarge)
        yield from (UnsupportedMedia, UnsupportedEncoding)
    if endpoint.needs_database:
        yield Unavailable
    yield from _refusals(endpoint)


def _refusals(endpoint: AnyEndpoint) -> Iterator[Error]:
    if endpoint.access is not Access.ANYONE:
        yield from (NotAuthenticated, InvalidToken)
    if endpoint.access is Access.ADMIN:
        yield NotAllowed
    if endpoint.conditional and endpoint.method != "GET":
        yield Stale
