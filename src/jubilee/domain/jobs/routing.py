"""Choosing a queue for a job: one whose workers know its kind."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from time import monotonic
from typing import Protocol

from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.kinds import KindSet
from jubilee.domain.jobs.store import Dispatch

REFRESH_S = 5.0


class KindSetReader(Protocol):
    """Reads what the live workers know."""

    async def kind_sets(self) -> Mapping[KindSet, int]:
        """The number of live workers by the set of kinds that they know. Raises Unavailable."""


class JobRouter:
    """Sorts dispatches by queue.

    Workers of two versions know different kinds for as long as a deploy lasts, and a worker without
    a mail server does not know mail. One queue for all of them would let each take messages that it
    can only put back. A job whose kind no live worker is known to run is left to the relay of a
    worker that knows it, which looks once a second: that covers a worker that has just started.
    """

    def __init__(self, reader: KindSetReader, chance: Callable[[], float]) -> None:
        """`chance` from 0 to 1 chooses among several queues, by their number of workers."""
        self._reader = reader
        self._chance = chance
        self._sets: Mapping[KindSet, int] = {}
        self._read_at = -inf

    async def route(self, dispatches: Sequence[Dispatch]) -> Mapping[KindSet, Sequence[Dispatch]]:
        """Those that can be sent, by queue; what is known of the workers is read when it is old."""
        if monotonic() - self._read_at >= REFRESH_S:
            await self._refresh()
        routed: dict[KindSet, list[Dispatch]] = {}
        for dispatch in dispatches:
            chosen = self._choose(dispatch.kind)
            if chosen is not None:
                routed.setdefault(chosen, []).append(dispatch)
        return routed

    async def _refresh(self) -> None:
        self._read_at = monotonic()
        with suppress(Unavailable):  # what was known before is the best guess
            self._sets = await self._reader.kind_sets()

    def _choose(self, kind: str) -> KindSet | None:
        able = [(known, workers) for known, workers in self._sets.items() if kind in known.names]
        left = self._chance() * sum(workers for _, workers in able)
        for known, workers in able:
            left -= workers
            if left < 0:
                return known
        return able[-1][0] if able else None
