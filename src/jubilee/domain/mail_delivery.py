"""Account mails: what `account_mail` enqueued is rendered and sent, with its link if it has one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from uuid import UUID

from jubilee.domain.account_mail import ACCOUNT_MAIL, MailTemplate
from jubilee.domain.clock import Clock
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import (
    Audience,
    Completion,
    JobContext,
    JobKind,
    PermanentFailure,
)
from jubilee.domain.jobs.payload import MASK, invalid_payload, read_text, require_only
from jubilee.domain.mail import TIMEOUT_S, MailService, RenderedMail, display_name
from jubilee.domain.one_time.link import OneTimeLink, OneTimeView
from jubilee.domain.one_time.secrets import LinkSecrets, readable
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserView
from jubilee.domain.users.user import UserNotFound

MAX_VALUE_CHARS = 1_000
LINK_ENDED = "link_ended"


class AccountMailView(UserView, OneTimeView, Protocol):
    """What a mail is made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMailPayload:
    """The payload of `email.account`."""

    user_id: UserId
    template: MailTemplate
    link_id: UUID | None = None
    values: Mapping[str, str] = field(default_factory=dict)


class AddressedMail(NamedTuple):
    """A rendered mail and its recipient."""

    to: str
    content: RenderedMail


@dataclass(frozen=True, slots=True)
class AccountMail(JobKind[AccountMailPayload, object]):
    """`email.account`: a mail of the service to an account.

    Every attempt sends the same message. A mail whose link has ended is not sent.
    """

    mail: MailService
    read_accounts: Begin[AccountMailView]
    secrets: LinkSecrets
    clock: Clock
    name = ACCOUNT_MAIL
    audience = Audience.INTERNAL
    timeout = TIMEOUT_S

    def read(self, data: Mapping[str, object]) -> AccountMailPayload:
        require_only(data, {"user_id", "template", "link_id", "values"})
        try:
            template = MailTemplate(read_text(data, "template", longest=100))
        except ValueError:
            raise invalid_payload("unknown template", "template") from None
        return AccountMailPayload(
            user_id=UserId(_uuid(data, "user_id")),
            template=template,
            link_id=_uuid(data, "link_id") if "link_id" in data else None,
            values=_values(data),
        )

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        """Hide the values: some are addresses."""
        return {**data, "values": MASK} if "values" in data else data

    async def run(self, job: JobContext[AccountMailPayload], complete: Completion[object]) -> None:
        prepared = await self._prepare(job.payload)
        result = {"skipped": LINK_ENDED}
        if prepared is not None:
            message_id = self.mail.message_id(job.id)
            await self.mail.send(prepared.to, prepared.content, message_id)
            result = {"message_id": message_id}
        async with complete(result):
            pass

    async def _prepare(self, payload: AccountMailPayload) -> AddressedMail | None:
        """Render the mail; None if its link has ended."""
        try:
            async with self.read_accounts() as view:
                user = await view.users.get(payload.user_id)
                found = payload.link_id
                link = None if found is None else await view.one_time.get(found)
        except UserNotFound:
            raise PermanentFailure("the account was deleted") from None
        values = {**payload.values, "name": display_name(user), "email": user.email}
        to = user.email
        if payload.link_id is not None:
            if link is None or not link.is_live(self.clock()):
                return None
            values |= self._secret_values(link)
            to = link.recipient
        render = self.mail.templates.render
        return AddressedMail(to, render(payload.template.value, user.locale, **values))

    def _secret_values(self, link: OneTimeLink) -> Mapping[str, str]:
        try:
            token, code = self.secrets.reveal(link)
        except ValueError as error:
            raise PermanentFailure(str(error)) from None
        return {"token": token, "code": readable(code), "recipient": link.recipient}


def _uuid(data: Mapping[str, object], name: str) -> UUID:
    try:
        return UUID(read_text(data, name, longest=36))
    except ValueError:
        raise invalid_payload("must be a UUID", name) from None


def _values(data: Mapping[str, object]) -> Mapping[str, str]:
    values = data.get("values", {})
    if not isinstance(values, dict):
        raise invalid_payload("must be an object", "values")
    return {name: read_text(values, name, longest=MAX_VALUE_CHARS) for name in values}
