"""Errors that use cases raise, as a tree; none of them knows HTTP.

DomainError
├── Invalid             the input breaks a rule; `pointer` names the member
├── NotAuthenticated    no credentials, or credentials that are not valid
├── NotAllowed          authenticated, but without the right to do this
├── NotFound            the resource does not exist
├── Conflict            the request conflicts with the current state
├── Stale               the resource changed since the caller read it
├── LimitReached        a limit on the number of resources is reached
└── Unavailable         a dependency does not answer; the same call may succeed later

Every class has a `code`, which is part of the API; the first line of its docstring is its default
message, shown to clients.
"""

from typing import ClassVar


class DomainError(Exception):
    """The request was refused."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str = "", *, pointer: str = "") -> None:
        """`pointer` is a JSON pointer to the member at fault, such as `/email`."""
        super().__init__(message or self.message())
        self.pointer = pointer

    @classmethod
    def message(cls) -> str:
        """Return the default message: the first line of the docstring."""
        return (cls.__doc__ or cls.code).splitlines()[0]


class Invalid(DomainError):
    """The input is not valid."""

    code = "invalid"


class NotAuthenticated(DomainError):
    """Authentication is required."""

    code = "not_authenticated"


class NotAllowed(DomainError):
    """You are not allowed to do this."""

    code = "not_allowed"


class NotFound(DomainError):
    """The resource does not exist."""

    code = "not_found"


class Conflict(DomainError):
    """The request conflicts with the current state."""

    code = "conflict"


class Stale(DomainError):
    """The resource has changed since you read it."""

    code = "stale"


class LimitReached(DomainError):
    """The limit has been reached."""

    code = "limit_reached"


class Unavailable(DomainError):
    """The service cannot do this right now; try again shortly."""

    code = "unavailable"
    retry_after_s = 2

    def __init__(self, message: str = "", *, reason: str = "") -> None:
        """`reason` is for operators; clients never see it."""
        super().__init__(message)
        self.reason = reason
