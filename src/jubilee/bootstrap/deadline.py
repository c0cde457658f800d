"""How long what is being done now may take."""

import math

from jubilee.observation.requests import current_request


def request_deadline() -> float:
    """When the request that is being served is refused, by `monotonic`; infinite for jobs."""
    request = current_request.get()
    return math.inf if request is None else request.deadline
