"""Requests for a mail with a link, which reveal nothing about accounts to the caller.

A request only enqueues a job with the sealed address, known or not. The job looks the account up:
so body, headers and time of the answer are the same, and a mail server that is away delays mail
and no request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.identity import NewId, UserId, name_key
from jubilee.domain.jobs.kinds import Audience, Completion, JobContext, JobKind
from jubilee.domain.jobs.payload import MASK, invalid_payload, read_text, require_only
from jubilee.domain.jobs.queue import JobQueue, NewJob
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.link import LinkPurpose, OneTimeTransaction
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserReader
from jubilee.domain.users.user import User, UserNotFound

LINK_MAIL = "email.link"
TIMEOUT_S = 30.0
MAX_SEALED_CHARS = 2_000
TEMPLATES: Mapping[LinkPurpose, MailTemplate] = {
    LinkPurpose.VERIFY_EMAIL: MailTemplate.VERIFY_EMAIL,
    LinkPurpose.RESET_PASSWORD: MailTemplate.RESET_PASSWORD,
    LinkPurpose.CHANGE_EMAIL: MailTemplate.CHANGE_EMAIL,
}


# Ports


class AddressCipher(Protocol):
    """Encrypts personal data in jobs that belong to no account yet."""

    def seal(self, text: str) -> str:
        """Encrypt an address, or a text that contains one."""

    def open(self, sealed: str) -> str:
        """Decrypt a text; raise ValueError if its key is not known any more."""


class LockingUserReader(UserReader, Protocol):
    """Reads accounts, and locks them."""

    async def get(self, user_id: UserId, *, lock: bool = False) -> User:
        """Return the account; `lock` holds its row until the transaction ends.

        Raises UserNotFound.
        """


class RequestTransaction(Protocol):
    """The transaction of a request."""

    @property
    def jobs(self) -> JobQueue:
        """The jobs to enqueue."""


class LinkTransaction(OneTimeTransaction, RequestTransaction, Protocol):
    """The transaction of the job: account, link and mail."""

    @property
    def users(self) -> LockingUserReader:
        """The accounts."""


@dataclass(frozen=True, slots=True)
class LinkRequestService:
    """Requests for a link, by anyone who knows or guesses an address."""

    write: Begin[RequestTransaction]
    cipher: AddressCipher
    new_id: NewId

    async def request(
        self, purpose: LinkPurpose, address: str, *, user_id: UserId | None = None
    ) -> None:
        """Enqueue the request; `user_id` is the account that wants this address as its new one."""
        data = {"purpose": purpose.value, "address": self.cipher.seal(address)}
        if user_id is not None:
            data["user_id"] = str(user_id)
        async with self.write() as tx:
            await tx.jobs.add(NewJob(id=self.new_id(), kind=LINK_MAIL, data=data, owner_id=user_id))


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """The payload of `email.link`."""

    purpose: LinkPurpose
    sealed: str = field(repr=False)
    user_id: UserId | None = None


@dataclass(frozen=True, slots=True)
class IssueLink(JobKind[LinkRequest, LinkTransaction]):
    """`email.link`: issues the link that was requested, and enqueues its mail.

    An address without an account, one that is already verified, and too many requests end it
    without a mail.
    """

    links: LinkIssuer
    cipher: AddressCipher
    new_id: NewId
    name = LINK_MAIL
    audience = Audience.INTERNAL
    timeout = TIMEOUT_S

    def read(self, data: Mapping[str, object]) -> LinkRequest:
        require_only(data, {"purpose", "address", "user_id"})
        try:
            purpose = LinkPurpose(read_text(data, "purpose", longest=100))
            known = UUID(read_text(data, "user_id", longest=36)) if "user_id" in data else None
        except ValueError:
            raise invalid_payload("unknown purpose, or no UUID", "purpose") from None
        sealed = read_text(data, "address", longest=MAX_SEALED_CHARS)
        return LinkRequest(purpose, sealed, None if known is None else UserId(known))

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return {**data, "address": MASK}

    async def run(
        self, job: JobContext[LinkRequest], complete: Completion[LinkTransaction]
    ) -> None:
        request = job.payload
        address = self.cipher.open(request.sealed)
        async with complete() as tx:
            owner = await find_owner(tx.users, address)
            if request.user_id is not None:
                await self._issue_change(tx, request.user_id, address, owner)
            elif owner is not None and _may_have(owner, request.purpose):
                await self._issue(tx, request.purpose, owner, owner.email)

    async def _issue_change(
        self, tx: LinkTransaction, user_id: UserId, address: str, owner: User | None
    ) -> None:
        """Mail the new address, or its owner if it belongs to an account."""
        if owner is not None:
            if owner.id != user_id:
                notice = account_mail(self.new_id(), owner.id, MailTemplate.ADDRESS_IN_USE)
                await tx.jobs.add(notice)
            return
        try:
            user = await tx.users.get(user_id, lock=True)
        except UserNotFound:
            return
        await self._issue(tx, LinkPurpose.CHANGE_EMAIL, user, address)

    async def _issue(
        self, tx: LinkTransaction, purpose: LinkPurpose, user: User, recipient: str
    ) -> None:
        if not await self.links.may_issue(tx, purpose, user.id):
            return
        link = await self.links.issue(tx, purpose, user.id, recipient)
        mail = account_mail(self.new_id(), user.id, TEMPLATES[purpose], link_id=link.id)
        await tx.jobs.add(mail)


async def find_owner(users: LockingUserReader, address: str) -> User | None:
    """Find and lock the account of this address; a username is none."""
    found = await users.find_by_login(address)
    if found is None:
        return None
    try:
        locked = await users.get(found.id, lock=True)
    except UserNotFound:
        return None
    return locked if name_key(locked.email) == name_key(address) else None


def _may_have(owner: User, purpose: LinkPurpose) -> bool:
    if purpose is LinkPurpose.VERIFY_EMAIL:
        return owner.is_active and not owner.email_verified
    return owner.is_active and purpose is LinkPurpose.RESET_PASSWORD
