"""The mails to an account: jobs, read without their payloads."""

from dataclasses import dataclass

from asyncpg import Record

from jubilee.adapters.postgres.statement import Executor, Statement
from jubilee.domain.identity import UserId
from jubilee.domain.own_mails import MailStatus, OwnMail, OwnMailReader
from jubilee.domain.paging import Page, Position

PAGE = Statement.from_sql(
    """
    SELECT id, kind, data ->> 'template' AS template, status, attempts, created_at, finished_at,
        error ->> 'code' AS error, result ->> 'skipped' AS skipped, result ->> 'state' AS state
    FROM jobs
    WHERE owner_id = CAST(:owner AS uuid) AND task_id IS NULL
        AND kind IN ('email.account', 'email.welcome', 'email.greeting')
        AND id < CAST(:last AS uuid)
    ORDER BY id DESC LIMIT CAST(:rows AS integer)
    """
)
LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
STATUSES = {"succeeded": MailStatus.SENT, "dead": MailStatus.FAILED}


@dataclass(frozen=True, slots=True)
class PostgresOwnMails(OwnMailReader):
    """Lists mails by the time of their jobs, which their ids have."""

    executor: Executor

    async def page(self, user_id: UserId, *, after: Position | None, limit: int) -> Page[OwnMail]:
        last = LAST if after is None else after[0]
        rows = await self.executor.all(PAGE, owner=user_id, last=last, rows=limit + 1)
        found = [_mail(row) for row in rows[:limit]]
        return Page(found, (str(found[-1].id),) if len(rows) > limit else None)


def _mail(row: Record) -> OwnMail:
    return OwnMail(
        id=row["id"],
        template=row["template"] or row["kind"].removeprefix("email."),
        status=_status(row),
        attempts=row["attempts"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        error=row["error"],
    )


def _status(row: Record) -> MailStatus:
    not_sent = row["skipped"] or row["state"] not in {None, "sent", "uncertain"}
    if row["status"] == "cancelled" or (row["status"] == "succeeded" and not_sent):
        return MailStatus.SKIPPED
    return STATUSES.get(row["status"], MailStatus.QUEUED)
