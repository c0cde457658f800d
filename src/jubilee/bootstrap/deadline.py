"""The deadline of the current request, for the adapters that wait on its behalf."""

import math
from time import monotonic

from jubilee.observation.requests import current_request


def request_deadline() -> float:
    """Return when the current request is refused, by `time.monotonic`; infinite outside of one."""
    request = current_request.get()
    return math.inf if request is None else request.deadline


def request_time_left() -> float:
    """Return the seconds until then."""
    return request_deadline() - monotonic()
