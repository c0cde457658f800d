"""Counters of requests in memory."""

from collections import Counter
from dataclasses import dataclass, field

from jubilee.domain.errors import Unavailable
from jubilee.domain.rate_limits.quotas import QuotaStore


@dataclass(slots=True)
class FakeQuotaStore(QuotaStore):
    """Sums by name, without an end; count the calls."""

    sums: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    is_away: bool = False

    async def take(self, name: str, requests: int, *, seconds: int) -> int:
        assert seconds > 0
        self.calls += 1
        if self.is_away:
            raise Unavailable
        self.sums[name] += requests
        return self.sums[name]
