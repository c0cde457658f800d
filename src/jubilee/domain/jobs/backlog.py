"""The state of jobs, events, greetings and workers, for metrics and operators."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from jubilee.domain.jobs.kinds import KindSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """A snapshot; ages in seconds, 0 if nothing waits."""

    jobs: Mapping[tuple[str, str], int]
    """Number of jobs by queue and status (queued, running, dead); an estimate above 10 000."""
    oldest_due: Mapping[str, float]
    """Seconds that the oldest due job has waited, by queue."""
    overdue: int
    """Expired leases that the sweeper has not handled yet."""
    oldest_event: float
    greetings: Mapping[str, int]
    """Number of this year's greetings by state; an estimate above 10 000."""
    greetings_missing: int
    """Greetings that have been due for an hour and are not sent, 10 000 at most."""
    greetings_planned_until: float
    """Unix time up to which greetings are planned."""
    workers: int
    """Workers with a heartbeat within the last 15 seconds."""
    workers_silent: int
    """Workers of the last hour without a heartbeat that did not deregister."""
    without_worker: Mapping[str, int]
    """Due jobs of the 10 most frequent kinds that no live worker can run; other kinds are at 0.

    Of each kind 1000 tasks and 1000 other jobs are counted at most.
    """


# Ports


class BacklogReader(Protocol):
    """Reads the backlog with a few statements on small indexes."""

    async def __call__(self) -> Backlog:
        """Return the current backlog. Raises Unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A live worker."""

    id: UUID
    host: str
    version: str
    kinds: KindSet
    """The kinds that it can run; jobs are routed by them."""


class WorkerRegistry(Protocol):
    """The live workers; one without a heartbeat for a day is removed."""

    async def heartbeat(self, worker: WorkerInfo) -> None:
        """Record that the worker is alive now."""

    async def leave(self, worker_id: UUID) -> None:
        """Remove a worker that shuts down."""
