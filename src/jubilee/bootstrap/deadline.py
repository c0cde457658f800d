"""Deadline and client of the current request, for the adapters that wait on its behalf."""

import math
from time import monotonic

from jubilee.domain.ip_addresses import address_key
from jubilee.observation.requests import current_request


def request_deadline() -> float:
    """Return when the current request is refused, by `time.monotonic`; infinite outside of one."""
    request = current_request.get()
    return math.inf if request is None else request.deadline


def request_time_left() -> float:
    """Return the seconds until the current request is refused; infinite outside of one."""
    return request_deadline() - monotonic()


def request_client() -> str | None:
    """Return the user, or else the address, behind the current request; None outside of one."""
    request = current_request.get()
    return None if request is None else request.user_id or address_key(request.client)
