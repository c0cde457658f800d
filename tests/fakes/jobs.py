"""The queue of jobs in memory."""

from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from jubilee.domain.jobs.queue import JobQueue, NewJob
from tests.fakes.tasks import FakeTasks


@dataclass(frozen=True, slots=True)
class FakeJobs(JobQueue):
    """Jobs by id."""

    rows: MutableMapping[UUID, NewJob]
    tasks: FakeTasks

    async def add(self, job: NewJob) -> None:
        unit = self.tasks.unit
        unit.check(job.kind, job.key, job.data)
        if job.key is not None:
            await unit.hold("job", job.key)
            if any(known.key == job.key for known in self.rows.values()):
                return
        if job.owner_id is not None:
            await unit.hold("owner", job.owner_id, shared=True)
            unit.require_row(self.tasks.owners, job.owner_id, "fk_jobs_owner_id")
        self.rows[job.id] = job
        self.tasks.add_unowned(job)

    async def add_all(self, jobs: Sequence[NewJob]) -> None:
        for job in jobs:
            await self.add(job)


class JobsById(MutableMapping[UUID, NewJob]):
    """A list of jobs as a mapping by id."""

    def __init__(self, jobs: list[NewJob]) -> None:
        self._jobs = jobs
        self._by_id: dict[UUID, NewJob] = {}

    def __getitem__(self, key: UUID) -> NewJob:
        if len(self._by_id) != len(self._jobs):
            self._by_id = {job.id: job for job in self._jobs}
        return self._by_id[key]

    def __setitem__(self, key: UUID, job: NewJob) -> None:
        self._jobs.append(job)

    def __delitem__(self, key: UUID) -> None:
        self._jobs.remove(self[key])

    def __iter__(self) -> Iterator[UUID]:
        return iter([job.id for job in self._jobs])

    def __len__(self) -> int:
        return len(self._jobs)
