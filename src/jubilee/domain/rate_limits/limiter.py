"""Counts requests against quotas that all processes share, with few round trips to the store.

A process leases requests in batches and counts them locally. The first hundredth of a quota is
counted without a lease, so that a client with few requests costs no round trip; processes
together may thus admit a few hundredths more than the quota.

The library `limits` asks its storage at every request, opens a pool of its own for Redis, and keeps
every address in an unbounded table in memory; so only its idea of counters by window is used.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from jubilee.domain.errors import Unavailable
from jubilee.domain.rate_limits.quotas import Quota, QuotaStore, RouteClass

MAX_CLIENTS = 10_000  # of one class in one window; further ones share counters
SHARED_COUNTERS = 64
FREE_RATIO = 100  # a hundredth of a quota is counted without a lease
LEASE_RATIO = 50
MAX_LEASE = 200
OWN_RATIO = 4  # a quarter of a quota is what a process admits alone, without the store


@dataclass(slots=True)
class ClientUsage:
    """Requests of one client in one window, or of some that share a counter."""

    name: str
    granted: int
    """How many this process may admit."""
    used: int = 0
    leased: int = 0
    """How many of them the store knows."""
    others: int = 0
    """How many other processes had leased when the store was asked last."""
    is_exhausted: bool = False
    lease: "asyncio.Task[bool] | None" = None


class RateState(NamedTuple):
    """What is left of a quota after a request, until the end of the window."""

    remaining: int
    reset_s: int
    is_refused: bool = False


class RouteLimiter:
    """The quota of one class of routes; windows begin at multiples of their length."""

    def __init__(
        self, name: RouteClass, quota: Quota, store: QuotaStore, now: Callable[[], float]
    ) -> None:
        """`now` returns seconds since 1970."""
        self._name = name
        self._quota = quota
        self._store = store
        self._now = now
        self._free = quota.requests // FREE_RATIO
        self._batch = min(max(quota.requests // LEASE_RATIO, 1), MAX_LEASE)
        self._own = max(quota.requests // OWN_RATIO, 1)
        self._window = 0
        self._clients: dict[str, ClientUsage] = {}

    def admit_now(self, client: str) -> RateState | None:
        """Count a request if the process may admit it without asking the store; else None."""
        now = self._now()
        window = int(now // self._quota.window_s)
        if window != self._window:
            self._window, self._clients = window, {}
        usage = self._clients.get(client) or self._new(client)
        if usage.used >= usage.granted:
            return None
        usage.used += 1
        return self._state(usage, now)

    async def admit(self, client: str) -> RateState:
        """Count a request, unless the client has used its quota up."""
        state = self.admit_now(client)
        if state is not None:
            return state
        usage, now = self._clients.get(client) or self._new(client), self._now()
        await self._lease(usage)
        if usage.used >= usage.granted:
            return RateState(0, self._reset_s(now), True)
        usage.used += 1
        return self._state(usage, now)

    def _state(self, usage: ClientUsage, now: float) -> RateState:
        left = self._quota.requests - usage.others - usage.used
        return RateState(max(left, 0), self._reset_s(now), False)

    def _reset_s(self, now: float) -> int:
        window_s = self._quota.window_s
        return math.ceil((now // window_s + 1) * window_s - now)

    def _new(self, client: str) -> ClientUsage:
        if len(self._clients) >= MAX_CLIENTS:
            client = f"shared {hash(client) % SHARED_COUNTERS}"
        name = f"{self._name}:{self._window}:{client}"
        return self._clients.setdefault(client, ClientUsage(name, self._free))

    async def _lease(self, usage: ClientUsage) -> None:
        """Lease until something is left or the quota is used up; requests share a lease."""
        while usage.used >= usage.granted and not usage.is_exhausted:
            if usage.lease is None:
                usage.lease = asyncio.create_task(self._ask(usage))
            if not await asyncio.shield(usage.lease):
                return

    async def _ask(self, usage: ClientUsage) -> bool:
        """Lease a batch; return False, and grant the process's own share, if the store is away."""
        wanted = usage.used - usage.leased + self._batch
        try:
            total = await self._store.take(usage.name, wanted, seconds=self._quota.window_s)
        except Unavailable:
            usage.granted = max(usage.granted, self._own)
            return False
        finally:
            usage.lease = None
        usage.leased += wanted
        usage.others = max(total - usage.leased, 0)
        usage.granted = usage.leased - max(total - self._quota.requests, 0)
        usage.is_exhausted = usage.granted <= usage.used
        return True


class RateLimiter:
    """The quotas of all classes of routes."""

    def __init__(
        self, quotas: Mapping[RouteClass, Quota], store: QuotaStore, now: Callable[[], float]
    ) -> None:
        """`now` returns seconds since 1970."""
        self.quotas = quotas
        self._limiters = {
            name: RouteLimiter(name, quota, store, now) for name, quota in quotas.items()
        }

    def admit_now(self, name: RouteClass, client: str) -> RateState | None:
        """Count a request of a client; None if the store has to be asked."""
        return self._limiters[name].admit_now(client)

    async def admit(self, name: RouteClass, client: str) -> RateState:
        """Count a request of a client in a class of routes."""
        return await self._limiters[name].admit(client)
