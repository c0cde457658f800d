"""Request bodies that have exactly the members of one of several choices.

Such a body is validated by one model, whose violations name its members, and documented by a union
of one model for each choice, which says the same in JSON Schema.
"""

from typing import TypeVar

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

M = TypeVar("M", bound=BaseModel)


def require_choice(body: M, *choices: set[str]) -> M:
    """Return the body if it has all members of one choice and none of the others, else refuse it.

    Members that belong to no choice do not count.
    """
    optional = set().union(*choices)
    if body.model_fields_set & optional not in choices:
        known = " or ".join(" and ".join(f"`{name}`" for name in sorted(one)) for one in choices)
        raise PydanticCustomError("one_of", "Exactly one of {known} is needed", {"known": known})
    return body
