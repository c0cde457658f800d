"""The mails to an account in memory: they all wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from jubilee.domain.identity import UserId
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.own_mails import MailStatus, OwnMail, OwnMailReader
from jubilee.domain.paging import Page, Position
from jubilee.domain.tasks.task import Task

LISTED = ("email.account", "email.welcome", "email.greeting")


@dataclass(frozen=True, slots=True)
class FakeOwnMails(OwnMailReader):
    """Jobs of mails, by the id of their account."""

    jobs: Mapping[UUID, NewJob]
    tasks: Mapping[UUID, Task]

    async def page(self, user_id: UserId, *, after: Position | None, limit: int) -> Page[OwnMail]:
        last = None if after is None else UUID(after[0])
        found = [
            self._mail(job)
            for job in sorted(self.jobs.values(), key=lambda job: job.id, reverse=True)
            if job.owner_id == user_id and job.kind in LISTED and (last is None or job.id < last)
        ]
        more = len(found) > limit
        return Page(found[:limit], (str(found[limit - 1].id),) if more else None)

    def _mail(self, job: NewJob) -> OwnMail:
        return OwnMail(
            id=job.id,
            template=str(job.data.get("template", job.kind.removeprefix("email."))),
            status=MailStatus.QUEUED,
            attempts=0,
            created_at=self.tasks[job.id].created_at,
            finished_at=None,
            error=None,
        )
