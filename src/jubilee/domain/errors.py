"""What a use case can refuse, as a tree; no HTTP in it.

DomainError
├── Invalid             the input breaks a rule; `pointer` names the member
├── NotAuthenticated    nobody, or nobody we know
├── NotAllowed          known, but not for this
├── NotFound            there is no such thing
├── Conflict            it collides with what is there
├── Stale               it changed since the caller looked
├── LimitReached        there are as many as there may be
└── Unavailable         a dependency is away; the same call may work later

Every class bears a `code`, the word that clients may rely on; its docstring's first line is its
message.
"""

from typing import ClassVar


class DomainError(Exception):
    """Something was refused."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str = "", *, pointer: str = "") -> None:
        """`pointer` is a JSON pointer to the member at fault, such as `/email`."""
        super().__init__(message or self.message())
        self.pointer = pointer

    @classmethod
    def message(cls) -> str:
        """What is said where nothing more exact is known."""
        return (cls.__doc__ or cls.code).splitlines()[0]


class Invalid(DomainError):
    """The input breaks a rule."""

    code = "invalid"


class NotAuthenticated(DomainError):
    """Sign in to do this."""

    code = "not_authenticated"


class NotAllowed(DomainError):
    """This is not yours to do."""

    code = "not_allowed"


class NotFound(DomainError):
    """There is no such thing."""

    code = "not_found"


class Conflict(DomainError):
    """This collides with what is there already."""

    code = "conflict"


class Stale(DomainError):
    """It has changed since you looked at it."""

    code = "stale"


class LimitReached(DomainError):
    """There are as many as there may be."""

    code = "limit_reached"


class Unavailable(DomainError):
    """The service cannot do this right now; try again shortly."""

    code = "unavailable"
    retry_after = 2  # seconds
