"""Data of the endpoint registry: one Endpoint describes a method of a path.

Routing, validation, the OpenAPI document and the access tests are derived from it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, RootModel
from starlette.requests import Request
from starlette.responses import Response

from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.errors import DomainError, NotAuthenticated
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.rate_limits.quotas import RouteClass
from jubilee.domain.scopes import Scope
from jubilee.domain.services import Services
from jubilee.entrypoints.http.framework.context import ApiContext
from jubilee.entrypoints.http.framework.deprecation import Deprecation
from jubilee.observation.requests import RequestRecord

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
FORM = "application/x-www-form-urlencoded"
ANONYMOUS_BODY_BYTES = 16_384
"""Largest body read from anonymous clients; a valid one has about 5 KiB at most."""


# `defer_build`: the first use of a model, not the start of the process, builds its validator. That
# takes about a millisecond; a process uses few of all.
class Model(BaseModel):
    """Base of request bodies and queries: unknown members are refused, `repr` hides values."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True
    )

    def __repr__(self) -> str:
        """Only the class name, as members may be passwords."""
        return type(self).__name__


class Nothing(Model):
    """Body or query of an endpoint that has none."""


class ReplyModel(BaseModel):
    """Base of bodies of replies."""

    model_config = ConfigDict(defer_build=True)


T = TypeVar("T")


class OneOf(RootModel[T], Generic[T]):
    """Base of bodies that are documented as a choice of models; none is validated by it."""

    model_config = ConfigDict(defer_build=True)


class Access(Enum):
    """Who may call an endpoint."""

    ANYONE = "anyone"
    OPTIONAL = "optional"  # anyone, but a token must be valid if sent
    SIGNED_IN = "signed in"
    ROLE = "role"  # an account with a role that has the endpoint's scope; admins have all
    ADMIN = "admin"


class Idempotency(Enum):
    """Whether an endpoint honours Idempotency-Key, and when it looks for the stored answer."""

    NONE = "never"
    IN_TRANSACTION = "in its transaction"
    FIRST = "before its handler, too"  # which hashes a password, or refuses before its transaction


B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)


@dataclass(slots=True)  # not frozen, which makes it slower to create
class Call(Generic[B, Q]):
    """A request with its validated body, query and bearer token."""

    request: Request
    context: ApiContext
    caller: Principal | None
    body: B
    query: Q
    content: bytes = field(default=b"", repr=False)
    """The body as it was received."""

    @property
    def services(self) -> Services:
        """The domain's services."""
        return self.context.services

    @property
    def principal(self) -> Principal:
        """The signed-in caller; raises NotAuthenticated for an anonymous one."""
        if self.caller is None:
            raise NotAuthenticated
        return self.caller

    @property
    def id(self) -> UUID:
        """The path's `{id}`."""
        found: UUID = self.request.path_params["id"]
        return found

    @property
    def username(self) -> str:
        """The path's `{username}`, unchanged."""
        return str(self.request.path_params["username"])

    @property
    def provider(self) -> str:
        """The path's `{provider}`."""
        return str(self.request.path_params["provider"])

    @property
    def task_id(self) -> str:
        """The path's `{task_id}`: a task's id, or the `task_id` of its owner."""
        return str(self.request.path_params["task_id"])

    @property
    def mount(self) -> str:
        """The prefix of the request's path: `/api`, `/v1/api` or empty."""
        return str(self.request.scope["root_path"])

    @property
    def path(self) -> str:
        """The path below the mount."""
        return str(self.request.scope["path"]).removeprefix(self.mount)

    @property
    def record(self) -> RequestRecord:
        """The record of the request, for the access log and metrics."""
        record: RequestRecord = self.request.scope["state"]["record"]
        return record

    def extend(self, seconds: float) -> float:
        """Extend the request's deadline; returns its arrival plus `seconds`, by `monotonic`."""
        self.record.deadline += seconds
        return self.record.began + seconds

    def contains_data_of(self, account: UserId) -> None:
        """Note that the answer contains data of this account, if it is not the caller's."""
        self.request.scope["state"]["account"] = account

    @property
    def client(self) -> ClientInfo:
        """Address and user agent of the client."""
        return ClientInfo(self.record.client or None, self.record.user_agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseSpec:
    """A response of an endpoint that is not a problem.

    `headers` maps a header's name to its description; `example` is a whole body.
    """

    status: int
    description: str
    model: type[BaseModel] | None = None
    media: str = JSON
    other_media: tuple[str, ...] = ()
    """Media types that `Accept` can choose instead."""
    headers: Mapping[str, str] = field(default_factory=dict)
    example: Any = None


Handler: TypeAlias = Callable[[Call[B, Q]], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[B, Q]):
    """A method of a path.

    In `path`, `{id}` is a UUID, `{task_id}` a task identifier, `{username}` any path segment.
    """

    method: str
    path: str
    name: str
    """`operationId` in the OpenAPI document, camelCase and unique."""
    summary: str
    tag: str
    handler: Handler[B, Q]
    access: Access
    scope: Scope = Scope.ACCOUNT
    """Scope that a token needs. By default no token may call it, only a session; it has no effect
    where anyone may."""
    body: type[B] | None = None
    query: type[Q] | None = None
    media: tuple[str, ...] = (JSON,)
    """Accepted content types of the body; the first is documented."""
    body_schema: type[BaseModel] | None = None
    """Model to document instead of `body`, if it is more specific than what `body` validates."""
    body_required: bool = True
    example: Any = None
    """A whole request body."""
    examples: Mapping[str, Any] = field(default_factory=dict)
    """Several whole request bodies by name, documented instead of `example`."""
    replies: tuple[ResponseSpec, ...]
    errors: tuple[type[DomainError], ...] = ()
    """Errors of its use case, beyond those that follow from access, body and query."""
    conditional: bool = False
    """Whether it honours If-Match."""
    idempotency: Idempotency = Idempotency.NONE
    """Whether it honours Idempotency-Key; its use case opens its transaction by `answered`."""
    oauth: bool = False
    """Whether its problems also have the members of RFC 6749."""
    needs_database: bool = True
    """Whether it can answer 503 because PostgreSQL is unavailable."""
    compressed: bool = True
    """Whether a large response to GET is compressed; its handler may do so itself."""
    deprecation: Deprecation | None = None
    documented: bool = True
    """Whether the OpenAPI document lists it."""
    recent_proof: bool = False
    """Whether the caller must have proved who they are lately; see `domain/auth/proofs.py`."""
    for_enrolment: bool = False
    """Whether a session that lacks a required second factor may call it."""
    rate: RouteClass | None = None
    """Class of its rate limit, if it does not follow from method and access."""
    limited: bool = True
    """Whether its rate is limited; probes are not."""

    @property
    def scopes(self) -> frozenset[Scope]:
        """All scopes that a token needs."""
        is_for_admins = self.access is Access.ADMIN
        return frozenset({self.scope, Scope.ADMIN} if is_for_admins else {self.scope})

    @property
    def route_class(self) -> RouteClass | None:
        """The class whose rate limit applies; None if there is none."""
        if not self.limited or self.rate is not None:
            return self.rate
        if self.method != "GET":
            return RouteClass.WRITE
        return RouteClass.ANONYMOUS if self.access is Access.ANYONE else RouteClass.READ

    @property
    def max_body_bytes(self) -> int | None:
        """Size limit of the body beside MAX_BODY_BYTES; None if there is none."""
        anonymous = self.access in {Access.ANYONE, Access.OPTIONAL}
        return ANONYMOUS_BODY_BYTES if anonymous else None

    @property
    def offered(self) -> tuple[str, ...]:
        """Media types of its responses; empty if none has content."""
        replies = [r for r in self.replies if r.model is not None or r.media != JSON]
        found = [media for reply in replies for media in (reply.media, *reply.other_media)]
        return tuple(dict.fromkeys(media.partition(";")[0] for media in found))

    @property
    def is_tagged(self) -> bool:
        """Whether its response has an ETag, which If-None-Match compares (304)."""
        return any(reply.status == HTTPStatus.NOT_MODIFIED for reply in self.replies)

    @property
    def honours_prefer(self) -> bool:
        """Whether it is a write that answers with a resource, which `Prefer` may leave out."""
        writes = self.method != "GET"
        return writes and any(r.model is not None and "ETag" in r.headers for r in self.replies)


AnyCall: TypeAlias = Call[Any, Any]
AnyEndpoint: TypeAlias = Endpoint[Any, Any]
