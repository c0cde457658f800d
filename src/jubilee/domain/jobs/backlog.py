"""What waits, what is late, and who is there to see to it: for operators, not for rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from jubilee.domain.jobs.kinds import KindSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """All jobs at one moment; ages in seconds, 0 where nothing waits."""

    jobs: Mapping[tuple[str, str], int]
    """How many by lane and status: queued, running, dead."""
    oldest_due: Mapping[str, float]
    """By lane: how long the job waits that is due the longest."""
    overdue: int
    """Leases that ran out and that nobody has taken up yet."""
    oldest_event: float
    greetings: Mapping[str, int]
    """This year's by state."""
    greetings_missing: int
    """Greetings that should have been sent an hour ago."""
    greetings_planned_until: float
    """Seconds since 1970."""
    workers: int
    """Workers that were heard of within the last 15 seconds."""
    without_worker: Mapping[str, int]
    """Due jobs of kinds that no live worker knows, the 10 most frequent kinds; known ones at 0."""
    workers_silent: int = 0
    """Those of the last hour that neither were nor said that they ended."""


class BacklogReader(Protocol):
    """Looks; a few statements, all of them on small indexes."""

    async def __call__(self) -> Backlog:
        """Raises Unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A worker that is alive."""

    id: UUID
    host: str
    version: str
    kinds: KindSet
    """What it can run; jobs are dispatched to it by this."""


class WorkerRegistry(Protocol):
    """Where workers sign that they are alive; those that are silent for a day are forgotten."""

    async def heartbeat(self, worker: WorkerInfo) -> None:
        """Now."""

    async def leave(self, worker_id: UUID) -> None:
        """Forget it: it ends by itself."""
