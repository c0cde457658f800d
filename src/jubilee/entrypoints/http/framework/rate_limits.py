"""Rate limits of requests: the check, and the headers of draft-ietf-httpapi-ratelimit-headers."""

from jubilee.domain.ip_addresses import address_key
from jubilee.domain.rate_limits.limiter import RateLimiter
from jubilee.domain.rate_limits.quotas import RateLimited, RouteClass
from jubilee.observation.requests import RequestRecord

HEADERS = {
    "RateLimit-Policy": "quota of the route's class: `q` requests in each window of `w` seconds",
    "RateLimit": "what is left of it: `r` requests in the next `t` seconds",
}
"""Absent where RATE_LIMITS is off."""


class RequestLimits:
    """Counts requests by their user or else by their client's address."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._policies = {
            name: (
                b"ratelimit-policy",
                f'"{name}";q={quota.requests};w={quota.window_s}'.encode(),
            )
            for name, quota in limiter.quotas.items()
        }

    async def admit(self, name: RouteClass, record: RequestRecord) -> None:
        """Count the request and add headers to its response; raises RateLimited."""
        client = record.impersonator_id or record.user_id or address_key(record.client)
        state = self._limiter.admit_now(name, client)
        if state is None:
            state = await self._limiter.admit(name, client)
        left = f'"{name}";r={state.remaining};t={state.reset_s}'.encode()
        limits = self._policies[name], (b"ratelimit", left)
        record.response_headers = (*record.response_headers, *limits)
        if state.is_refused:
            record.limited_by = name
            raise RateLimited(name, state.reset_s)
