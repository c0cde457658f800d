"""A worker for the mail jobs of the fake store: it sends into a list."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from jubilee.adapters.ids import new_id
from jubilee.adapters.mail.templates import JinjaTemplates
from jubilee.bootstrap.service_ports import Ports
from jubilee.domain.account_email.registration import RegisterAccount
from jubilee.domain.account_email.requests import IssueLink
from jubilee.domain.invites.mail import InviteMail
from jubilee.domain.jobs.kinds import JobContext, JobKind
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.mail import MailMessage, MailService, WelcomeMail
from jubilee.domain.mail_delivery import AccountMail
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.users.registration import RegistrationMail
from jubilee.domain.users.user import EmailPolicy
from tests.fakes.mail import FakeMailSender
from tests.fakes.store import FakeStore

PUBLIC_URL = "https://jubilee.test"
LINK = re.compile(rf"{PUBLIC_URL}/account/([a-z-]+)\?token=([\w-]+)")
CODE = re.compile(r"\b([2-9A-HJKMNP-Z]{4}-[2-9A-HJKMNP-Z]{4})\b")


@dataclass(frozen=True, slots=True)
class MailedLink:
    """What a mail has of its link."""

    page: str
    token: str
    code: str


@dataclass(slots=True)
class FakeMailWorker:
    """Runs mail jobs, and those that they enqueue, once each."""

    store: FakeStore
    ports: Ports
    policy: EmailPolicy = field(default_factory=EmailPolicy)
    sender: FakeMailSender = field(default_factory=FakeMailSender)
    done: set[UUID] = field(default_factory=set)

    @property
    def subjects(self) -> list[tuple[str, str]]:
        """Recipient and subject of every mail."""
        return [(message.to, message.subject) for message in self.sender.sent]

    async def run(self) -> list[MailMessage]:
        """Run all jobs that wait; return the new mails."""
        before = len(self.sender.sent)
        while waiting := await self.waiting():
            for job in waiting:
                await self._run(job)
        return self.sender.sent[before:]

    async def link(self) -> MailedLink:
        """Run all jobs; return the link of the last mail."""
        await self.run()
        text = self.sender.sent[-1].text
        found, code = LINK.search(text), CODE.search(text)
        assert found is not None, text
        assert code is not None, text
        return MailedLink(found[1], found[2], code[1])

    async def waiting(self) -> Sequence[NewJob]:
        """Return the jobs of its kinds that have not run."""
        kinds, jobs = self.kinds(), self.store.jobs
        return [job for job in jobs if job.id not in self.done and job.kind in kinds]

    async def _run(self, job: NewJob) -> None:
        kind = self.kinds()[job.kind]
        context = JobContext(job.id, 1, 1, job.owner_id, False, kind.read(job.data), _report)
        await kind.run(context, self.complete)
        self.done.add(job.id)

    @asynccontextmanager
    async def complete(self, result: Mapping[str, object] | None = None) -> AsyncIterator[Any]:
        del result
        async with self.ports.write() as tx:
            yield tx

    def kinds(self) -> Mapping[str, JobKind[Any, Any]]:
        """Return the kinds of job that it runs, by name."""
        ports = self.ports
        mail = MailService(self.sender, JinjaTemplates(PUBLIC_URL), "jubilee.test")
        issuer = LinkIssuer(ports.link_secrets, ports.clock, new_id)
        kinds: list[JobKind[Any, Any]] = [
            WelcomeMail(mail, ports.read),
            InviteMail(mail, ports.read, ports.link_secrets, ports.clock),
            AccountMail(mail, ports.read, ports.link_secrets, ports.clock),
            IssueLink(issuer, ports.address_cipher, new_id),
            RegisterAccount(
                RegistrationMail(issuer, self.policy, new_id),
                ports.address_cipher,
                ports.clock,
                new_id,
                ports.today_cache.forget,
            ),
        ]
        return {kind.name: kind for kind in kinds}


async def _report(_: Mapping[str, object]) -> None: ...
