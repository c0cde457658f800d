"""Routing: chooses a queue whose workers know the kind of a job."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Protocol

from jubilee.domain.clock import Monotonic
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.kinds import KindSet
from jubilee.domain.jobs.store import Dispatch

REFRESH_INTERVAL_S = 5.0


# Ports


class KindSetReader(Protocol):
    """Reads which kinds the live workers can run."""

    async def kind_sets(self) -> Mapping[KindSet, int]:
        """Return the number of live workers per set of kinds. Raises Unavailable."""


class JobRouter:
    """Groups dispatches by queue.

    Workers of two versions know different kinds during a deployment, and a worker without a mail
    server does not know the kinds of mail. If they shared a queue, each would take messages that
    it can only put back. A job whose kind no known worker can run is left to the relay of a worker
    that can: relays poll once a second, which covers workers that have just started.
    """

    def __init__(
        self, reader: KindSetReader, random: Callable[[], float], monotonic: Monotonic
    ) -> None:
        """`random` (0 to 1) chooses among several queues, weighted by their number of workers."""
        self._reader = reader
        self._random = random
        self._monotonic = monotonic
        self._sets: Mapping[KindSet, int] = {}
        self._read_at = -inf

    async def route(self, dispatches: Sequence[Dispatch]) -> Mapping[KindSet, Sequence[Dispatch]]:
        """Return the dispatches by queue, without those that no known worker can run."""
        if self._monotonic() - self._read_at >= REFRESH_INTERVAL_S:
            await self._refresh()
        routed: dict[KindSet, list[Dispatch]] = {}
        for dispatch in dispatches:
            chosen = self._choose(dispatch.kind)
            if chosen is not None:
                routed.setdefault(chosen, []).append(dispatch)
        return routed

    async def _refresh(self) -> None:
        self._read_at = self._monotonic()
        with suppress(Unavailable):  # keep the last known workers
            self._sets = await self._reader.kind_sets()

    def _choose(self, kind: str) -> KindSet | None:
        able = [(known, workers) for known, workers in self._sets.items() if kind in known.names]
        left = self._random() * sum(workers for _, workers in able)
        for known, workers in able:
            left -= workers
            if left < 0:
                return known
        return able[-1][0] if able else None
