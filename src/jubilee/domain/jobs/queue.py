"""Enqueueing jobs: a job is inserted in the transaction that needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from jubilee.domain.identity import UserId
from jubilee.domain.jobs.retries import MAX_ATTEMPTS

DEFAULT_PRIORITY = 5
MAX_PRIORITY = 9
"""0 goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to run after its transaction has committed.

    `data` is small: ids and template names, never secrets. `key` is unique among all jobs: a second
    job with the same key is ignored.
    """

    id: UUID
    kind: str
    data: Mapping[str, object] = field(default_factory=dict)
    owner_id: UserId | None = None
    key: str | None = None
    run_at: datetime | None = None
    max_attempts: int = MAX_ATTEMPTS


# Ports


class JobQueue(Protocol):
    """Enqueues jobs in a transaction."""

    async def add(self, job: NewJob) -> None:
        """Insert the job, unless another job has its key."""

    async def add_all(self, jobs: Sequence[NewJob]) -> None:
        """Insert a few hundred jobs by one statement, except those whose key exists."""
