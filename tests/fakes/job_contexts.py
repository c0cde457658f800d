"""A job's context, and a completion that records its results."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from jubilee.domain.jobs.kinds import JobContext

P = TypeVar("P")
JOB = UUID("019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f")


@dataclass(slots=True)
class RecordedCompletions:
    """The results of the completions that were opened."""

    results: list[Mapping[str, object] | None] = field(default_factory=list)

    @asynccontextmanager
    async def complete(self, result: Mapping[str, object] | None = None) -> AsyncIterator[object]:
        yield None
        self.results.append(result)


def job_context(payload: P, *, by_admin: bool = False) -> JobContext[P]:
    """Return the context of the first attempt at the job `JOB`."""

    async def report(_: Mapping[str, object]) -> None: ...

    return JobContext(JOB, 1, 1, None, by_admin, payload, report)
