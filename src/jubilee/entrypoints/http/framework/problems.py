"""Problem documents (RFC 9457) for all errors, and the status of each class of errors."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, ClassVar

from starlette.responses import Response

from jubilee.domain import errors
from jubilee.domain.auth.pending import MfaRequired
from jubilee.domain.auth.second_step import InvalidMfaToken
from jubilee.domain.auth.tokens import InvalidGrant
from jubilee.domain.idempotency.answers import IdempotencyKeyInUse
from jubilee.domain.identities.identity import InvalidCallback, InvalidLogoutToken
from jubilee.domain.invites.invite import InvalidInvite
from jubilee.domain.one_time.link import InvalidLink
from jubilee.domain.passkeys.passkey import InvalidPasskey
from jubilee.domain.rate_limits.quotas import RateLimited
from jubilee.domain.scopes import InsufficientScope, SessionRequired
from jubilee.domain.service_accounts.account import InvalidClient, InvalidScope
from jubilee.entrypoints.http.framework.cursors import InvalidCursor

LIMIT_RETRY_AFTER_S = 60  # after a limit on the number of resources was reached
MEDIA = "application/problem+json"
PROBLEMS = "/problems/"
"""Path of the problem pages. `type` is a relative URL, so that no Host header is trusted."""


QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
"""Type of draft-ietf-httpapi-ratelimit-headers, which clients know without our pages."""


class MalformedBody(errors.Invalid):
    """The body is not well-formed."""

    code = "malformed_body"


class MalformedQuery(errors.Invalid):
    """The query is not well-formed."""

    code = "malformed_query"


class InvalidRequest(errors.Invalid):
    """Some members of the request are invalid; `errors` says which and why."""

    code = "invalid_request"

    def __init__(self, violations: "Sequence[Violation]") -> None:
        """`violations` name every member at fault."""
        super().__init__()
        self.violations = violations


class UnsupportedGrant(errors.Invalid):
    """This endpoint does not support the grant type."""

    code = "unsupported_grant_type"


class NotReady(errors.Unavailable):
    """This instance cannot serve requests now; `checks` says why."""

    code = "not_ready"

    def __init__(self, checks: Mapping[str, str]) -> None:
        """`checks` maps a dependency to its state."""
        super().__init__()
        self.checks = checks


class HttpError(errors.DomainError):
    """An error of the HTTP layer, with its own status."""

    status: ClassVar[HTTPStatus]


class PathNotFound(HttpError):
    """No resource exists at this path."""

    code, status = "path_not_found", HTTPStatus.NOT_FOUND


class UnknownHost(HttpError):
    """The service is not published under the name in the `Host` header."""

    code, status = "unknown_host", HTTPStatus.MISDIRECTED_REQUEST


class MethodNotAllowed(HttpError):
    """This path does not support the method; `Allow` lists those that it supports."""

    code, status = "method_not_allowed", HTTPStatus.METHOD_NOT_ALLOWED


class NotAcceptable(HttpError):
    """`Accept` excludes every media type of the response."""

    code, status = "not_acceptable", HTTPStatus.NOT_ACCEPTABLE


class TargetTooLong(HttpError):
    """Path and query are longer than this service accepts."""

    code, status = "uri_too_long", HTTPStatus.REQUEST_URI_TOO_LONG


class UnsupportedEncoding(HttpError):
    """The body must not be compressed or have any other content coding."""

    code, status = "unsupported_content_encoding", HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class UnsupportedMedia(HttpError):
    """The content type of the body is not supported."""

    code, status = "unsupported_media_type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class BodyTooLarge(HttpError):
    """The body is larger than this service accepts."""

    code, status = "body_too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class BodyTooSlow(HttpError):
    """The body did not arrive in time."""

    code, status = "body_too_slow", HTTPStatus.REQUEST_TIMEOUT


class InternalError(HttpError):
    """The service failed unexpectedly; the logs have details under the request id."""

    code, status = "internal_error", HTTPStatus.INTERNAL_SERVER_ERROR


STATUSES: dict[type[errors.DomainError], HTTPStatus] = {
    MalformedBody: HTTPStatus.BAD_REQUEST,
    MalformedQuery: HTTPStatus.BAD_REQUEST,
    InvalidCursor: HTTPStatus.BAD_REQUEST,
    InvalidGrant: HTTPStatus.BAD_REQUEST,
    InvalidInvite: HTTPStatus.BAD_REQUEST,
    InvalidLink: HTTPStatus.BAD_REQUEST,
    InvalidCallback: HTTPStatus.BAD_REQUEST,
    InvalidLogoutToken: HTTPStatus.BAD_REQUEST,
    InvalidMfaToken: HTTPStatus.BAD_REQUEST,
    InvalidPasskey: HTTPStatus.BAD_REQUEST,
    UnsupportedGrant: HTTPStatus.BAD_REQUEST,
    InvalidScope: HTTPStatus.BAD_REQUEST,
    errors.Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Stale: HTTPStatus.PRECONDITION_FAILED,
    errors.LimitReached: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Status of an error: that of the nearest class in its method resolution order."""


def status_of(kind: type[errors.DomainError]) -> HTTPStatus:
    """Return the status of the response to an error of this class."""
    if issubclass(kind, HttpError):
        return kind.status
    return next(STATUSES[base] for base in kind.__mro__ if base in STATUSES)


def type_of(kind: type[errors.DomainError]) -> str:
    """Return the problem type of an error: a registered one, or the path of its page."""
    return QUOTA_EXCEEDED if issubclass(kind, RateLimited) else PROBLEMS + kind.code


@dataclass(frozen=True, slots=True)
class Violation:
    """An invalid member: a JSON pointer (`#` is the body), the reason, and a stable code."""

    pointer: str
    detail: str
    code: str


def problem(
    error: errors.DomainError, request_id: str, path: str, *, oauth: bool = False
) -> Response:
    """Respond with the problem document of an error; of the request it contains only the path.

    `oauth` adds the members that RFC 6749 requires of token endpoints.
    """
    status = status_of(type(error))
    document: dict[str, Any] = {
        "type": type_of(type(error)),
        "title": error.message(),
        "status": int(status),
        "detail": str(error),
        "instance": path,
        "code": error.code,
        "request_id": request_id,
        **_members(error),
        **(_oauth_members(error, status) if oauth else {}),
    }
    body = json.dumps(document).encode()
    return Response(body, status, headers=_headers(error), media_type=MEDIA)


def _members(error: errors.DomainError) -> Mapping[str, object]:
    if isinstance(error, InvalidRequest):
        return {"errors": [asdict(violation) for violation in error.violations]}
    if isinstance(error, NotReady):
        return {"checks": dict(error.checks)}
    if isinstance(error, MfaRequired):
        return {"mfa_token": error.token, "factors": sorted(error.factors)}
    if isinstance(error, RateLimited):
        return {"violated-policies": [error.policy.value]}
    if error.pointer:
        root = "query" if isinstance(error, InvalidCursor) else "#"
        violation = Violation(root + error.pointer, str(error), error.code)
        return {"errors": [asdict(violation)]}
    return {}


OAUTH_ERRORS = InvalidGrant | UnsupportedGrant | InvalidClient | InvalidScope | MfaRequired
"""Errors whose code is one of RFC 6749, or of its extensions."""


def _oauth_members(error: errors.DomainError, status: HTTPStatus) -> Mapping[str, object]:
    if isinstance(error, OAUTH_ERRORS):
        code = error.code
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        code = "temporarily_unavailable"
    else:
        code = "invalid_request"
    return {"error": code, "error_description": str(error)}


def _headers(error: errors.DomainError) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    challenge = _challenge(error)
    if challenge is not None:
        headers["WWW-Authenticate"] = challenge
    if isinstance(error, UnsupportedEncoding):
        headers["Accept-Encoding"] = "identity"
    if isinstance(error, errors.Unavailable | errors.LimitReached | IdempotencyKeyInUse):
        headers["Retry-After"] = str(getattr(error, "retry_after_s", LIMIT_RETRY_AFTER_S))
    return headers


def _challenge(error: errors.DomainError) -> str | None:
    """Return the challenge of RFC 6750, section 3.1: without a code if the request had no token."""
    bearer = 'Bearer realm="jubilee"'
    if type(error) is errors.NotAuthenticated:
        return bearer
    if isinstance(error, InvalidClient):
        return 'Basic realm="jubilee"'
    if isinstance(error, errors.NotAuthenticated):
        return f'{bearer}, error="invalid_token"'
    if isinstance(error, InsufficientScope):
        return f'{bearer}, error="insufficient_scope", scope="{error.needed}"'
    if isinstance(error, SessionRequired):
        return f'{bearer}, error="insufficient_scope"'
    return None
