"""Types of members that bodies of second factors share."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, Field
from pydantic_core import PydanticCustomError

TotpCode = Annotated[
    str,
    Field(
        pattern="^[0-9]{6}$",
        description="code of an authenticator app",
        examples=["287082"],
    ),
]
RecoveryCode = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        description="recovery code; case, spaces and hyphens do not matter",
        examples=["7Q4K-XPW2-M9TZ-C3HD-V8RB-J5NF"],
    ),
]
M = TypeVar("M", bound=BaseModel)


def require_one(body: M, *names: str) -> M:
    """Return the body if exactly one of the members was sent, else refuse it."""
    if sum(getattr(body, name) is not None for name in names) != 1:
        known = " or ".join(f"`{name}`" for name in names)
        raise PydanticCustomError("one_of", "Exactly one of {known} is needed", {"known": known})
    return body
