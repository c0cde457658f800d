"""A worker for the mail jobs of PostgreSQL: it sends into a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.account_mail import ACCOUNT_MAIL
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import JobKind
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.leaving.archive import Archiver
from jubilee.domain.leaving.exporting import BuildExport
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.users.registration import WELCOME
from tests.fakes.mail_worker import CODE, LINK, FakeMailWorker, MailedLink

DROP = """
DELETE FROM jobs WHERE kind = $1 OR (kind = $2 AND NOT data ? 'link_id')
"""
TAKE = """
WITH taken AS (DELETE FROM jobs WHERE kind = ANY($1) RETURNING id, kind, data, owner_id)
SELECT * FROM taken ORDER BY id
"""


@dataclass(slots=True, kw_only=True)
class PostgresMailWorker(FakeMailWorker):
    """Takes mail jobs from the table of jobs, and exports, which end with a mail.

    Mails without a link are not made: that takes longer than all else.
    """

    pool: ConnectionPool

    async def link_to(self, address: str, page: str) -> MailedLink | None:
        """Run all jobs; return the last link to this page that was sent to the address."""
        await self.run()
        for mail in reversed(self.sender.sent):
            found, code = LINK.search(mail.text), CODE.search(mail.text)
            if mail.to == address and found is not None and found[1] == page:
                return MailedLink(found[1], found[2], code[1] if code else "")
        return None

    async def waiting(self) -> Sequence[NewJob]:
        async with self.pool.connection() as driver:
            await driver.execute(DROP, WELCOME, ACCOUNT_MAIL)
            rows = await driver.fetch(TAKE, list(self.kinds()))
        return [
            NewJob(
                id=row["id"],
                kind=row["kind"],
                data=row["data"],
                owner_id=None if row["owner_id"] is None else UserId(row["owner_id"]),
            )
            for row in rows
        ]

    def kinds(self) -> Mapping[str, JobKind[Any, Any]]:
        ports = self.ports
        export = BuildExport(
            Archiver(ports.read, ports.job_kinds, ports.clock),
            ports.write,
            ports.export_cipher,
            LinkIssuer(ports.link_secrets, ports.clock, new_id),
            ports.clock,
            new_id,
        )
        return {**FakeMailWorker.kinds(self), export.name: export}
