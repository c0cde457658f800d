"""Asking for work: a job is inserted by the transaction that wants it done."""

from collections.abc import Mapping
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
    """Work to be done once its transaction has committed.

    `data` is small and holds ids and template names, never a secret. A `key` is unique among all
    jobs: asking twice with the same one is asking once.
    """

    id: UUID
    kind: str
    data: Mapping[str, object] = field(default_factory=dict)
    owner_id: UserId | None = None
    key: str | None = None
    run_at: datetime | None = None
    max_attempts: int = MAX_ATTEMPTS


class JobQueue(Protocol):
    """Where a transaction leaves the work that it wants done."""

    async def add(self, job: NewJob) -> None:
        """Insert the job; nothing happens where its key is known already."""
