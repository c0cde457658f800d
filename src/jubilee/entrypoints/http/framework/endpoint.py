"""The registry's data: one Endpoint says all there is to say about a method on a path.

It drives routing, validation, the OpenAPI document and the test of who may do what.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.errors import DomainError, NotAuthenticated
from jubilee.domain.identity import Principal
from jubilee.domain.services import Services
from jubilee.domain.text import as_line
from jubilee.entrypoints.http.framework.context import ApiContext
from jubilee.observation.requests import RequestRecord

MAX_AGENT_CHARACTERS = 400
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
FORM = "application/x-www-form-urlencoded"
ANONYMOUS_BODY_BYTES = 16_384
"""The largest body that is read from strangers; the largest that makes sense has 5 KiB or so."""


class Model(BaseModel):
    """What comes over the wire: unknown members are refused, `repr` shows no values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        """Its members may be passwords."""
        return type(self).__name__


class Nothing(Model):
    """No members at all: the body or query of an endpoint that has none."""


class Access(Enum):
    """Whom an endpoint serves."""

    ANYONE = "anyone"
    OPTIONAL = "optional"  # anyone, but a token that is sent has to be valid
    SIGNED_IN = "signed in"
    ADMIN = "admin"


B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call(Generic[B, Q]):
    """A request whose body, query and bearer have been checked."""

    request: Request
    context: ApiContext
    caller: Principal | None
    body: B
    query: Q

    @property
    def services(self) -> Services:
        """The use cases."""
        return self.context.services

    @property
    def principal(self) -> Principal:
        """Who is asking, where the endpoint asks for somebody."""
        if self.caller is None:
            raise NotAuthenticated
        return self.caller

    @property
    def id(self) -> UUID:
        """The path's `{id}`."""
        return UUID(str(self.request.path_params["id"]))

    @property
    def name(self) -> str:
        """The path's `{username}`, as it was written."""
        return str(self.request.path_params["username"])

    @property
    def task_id(self) -> str:
        """The path's `{task_id}`: a task's id, or its owner's name for it."""
        return str(self.request.path_params["task_id"])

    @property
    def mount(self) -> str:
        """Where the table answers this request: `/api`, `/v1/api` or nothing."""
        return str(self.request.scope["root_path"])

    @property
    def path(self) -> str:
        """The path below the mount."""
        return str(self.request.scope["path"]).removeprefix(self.mount)

    def extend(self, seconds: float) -> float:
        """Give the request more time; returns its arrival plus `seconds`, by `monotonic`."""
        record: RequestRecord = self.request.scope["state"]["record"]
        record.deadline += seconds
        return record.began + seconds

    @property
    def client(self) -> ClientInfo:
        """Where the request came from."""
        peer = self.request.client
        agent = as_line(self.request.headers.get("user-agent", ""), MAX_AGENT_CHARACTERS)
        return ClientInfo(peer.host if peer else None, agent or None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseSpec:
    """One way in which an endpoint answers, other than by a problem.

    `headers` maps a header's name to its description, `example` is a whole body.
    """

    status: int
    description: str
    model: type[BaseModel] | None = None
    media: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    example: Any = None


Handler: TypeAlias = Callable[[Call[B, Q]], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[B, Q]):
    """A method on a path.

    In the path `{id}` is a UUID, `{task_id}` what tasks are called, `{username}` a segment of text.
    """

    method: str
    path: str
    name: str
    """The operation's id in the document, camelCase and unique."""
    summary: str
    tag: str
    handler: Handler[B, Q]
    access: Access
    body: type[B] | None = None
    query: type[Q] | None = None
    media: tuple[str, ...] = (JSON,)
    """Content types of the body that are accepted; the first one is documented."""
    body_schema: type[BaseModel] | None = None
    """Model that the document shows instead of `body`, where it says more than `body` checks."""
    body_required: bool = True
    example: Any = None
    """A whole request body."""
    examples: Mapping[str, Any] = field(default_factory=dict)
    """Several whole request bodies by name, which the document shows instead of `example`."""
    replies: tuple[ResponseSpec, ...]
    errors: tuple[type[DomainError], ...] = ()
    """What its use case may raise, beyond what follows from access, body and query."""
    conditional: bool = False
    """Whether it honours If-Match."""
    oauth: bool = False
    """Whether its problems carry the members of RFC 6749, too."""
    needs_database: bool = True
    """Whether it can answer 503 because PostgreSQL is away."""
    documented: bool = True
    """Whether the OpenAPI document lists it."""

    @property
    def max_body_bytes(self) -> int | None:
        """The largest body; None where MAX_BODY_BYTES alone bounds it."""
        anonymous = self.access in {Access.ANYONE, Access.OPTIONAL}
        return ANONYMOUS_BODY_BYTES if anonymous else None

    @property
    def offered(self) -> tuple[str, ...]:
        """The media types that it answers in; none where it has no content to give."""
        found = (r.media for r in self.replies if r.model is not None or r.media != JSON)
        return tuple(dict.fromkeys(media.partition(";")[0] for media in found))


AnyEndpoint: TypeAlias = Endpoint[Any, Any]
