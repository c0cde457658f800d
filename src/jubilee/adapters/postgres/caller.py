"""The request that a use of a connection serves."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

ReadDeadline: TypeAlias = Callable[[], float]
"""Returns when the current request must have ended, by `monotonic`."""

Client: TypeAlias = Callable[[], str | None]
"""Returns the user or the address behind the current request; None outside of one."""


@dataclass(frozen=True, slots=True)
class CurrentCaller:
    """The request that a use of a connection serves; by default none, as for jobs."""

    deadline: ReadDeadline = lambda: math.inf
    client: Client = lambda: None


NO_CALLER = CurrentCaller()
