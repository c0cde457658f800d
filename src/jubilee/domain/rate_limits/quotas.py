"""Classes of routes, and how many requests of each one a client may make."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from jubilee.domain.errors import LimitReached

ENTRY = re.compile(r"([a-z-]+)=([1-9][0-9]{0,8})/([1-9][0-9]{0,4})")
SYNTAX = "on, off, or a list of class=requests/seconds"


class RouteClass(StrEnum):
    """Routes that share a quota."""

    SIGN_IN = "sign-in"
    REGISTER = "register"
    WRITE = "write"
    READ = "read"
    ANONYMOUS = "anonymous"
    """Reads without a sign-in."""


class RateLimited(LimitReached):
    """There were too many requests; wait for the seconds in `Retry-After`."""

    code = "rate_limited"

    def __init__(self, policy: RouteClass = RouteClass.READ, retry_after_s: int = 60) -> None:
        """`policy` is the class whose quota is used up."""
        super().__init__()
        self.policy = policy
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Quota:
    """So many requests in each window of so many seconds."""

    requests: int
    window_s: int


DEFAULT_QUOTAS: Mapping[RouteClass, Quota] = {
    RouteClass.SIGN_IN: Quota(300, 60),
    RouteClass.REGISTER: Quota(300, 60),
    RouteClass.WRITE: Quota(12_000, 60),
    RouteClass.READ: Quota(36_000, 60),
    RouteClass.ANONYMOUS: Quota(36_000, 60),
}
"""More than a client needs, and less than keeps one process from serving the others."""


def parse_quotas(text: str) -> Mapping[RouteClass, Quota] | None:
    """Parse RATE_LIMITS; None if it is off. Classes that it does not name keep their default.

    Raises ValueError.
    """
    words = text.strip().lower()
    if words == "off":
        return None
    if words == "on":
        return DEFAULT_QUOTAS
    return {**DEFAULT_QUOTAS, **dict(map(_entry, words.split(",")))}


def _entry(text: str) -> tuple[RouteClass, Quota]:
    found = ENTRY.fullmatch(text.strip())
    if found is None or found[1] not in set(RouteClass):
        classes = ", ".join(RouteClass)
        raise ValueError(f"must be {SYNTAX}, with the classes {classes}")
    return RouteClass(found[1]), Quota(int(found[2]), int(found[3]))


# Ports


class QuotaStore(Protocol):
    """Counts the requests of all processes."""

    async def take(self, name: str, requests: int, *, seconds: int) -> int:
        """Add to the counter `name`, which is kept for `seconds`; return the sum.

        Raises Unavailable.
        """
