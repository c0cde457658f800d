"""The mail of an invite."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from jubilee.domain.clock import Clock
from jubilee.domain.invites.invite import Invite, InviteReader
from jubilee.domain.invites.service import INVITE_MAIL
from jubilee.domain.jobs.kinds import Audience, Completion, JobContext, JobKind, PermanentFailure
from jubilee.domain.jobs.payload import invalid_payload, read_text, require_only
from jubilee.domain.mail import TIMEOUT_S, MailService, RenderedMail
from jubilee.domain.one_time.secrets import LinkSecrets, readable
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserView
from jubilee.domain.users.user import User, UserNotFound

INVITED, HAS_ACCOUNT = "invite", "invite_taken"
"""Templates, for an address without and with an account."""


class InviteMailView(UserView, Protocol):
    """What the mail is made from."""

    @property
    def invites(self) -> InviteReader:
        """The pending invites."""


@dataclass(frozen=True, slots=True)
class InviteMail(JobKind[UUID, object]):
    """`email.invite`: link and code of an invite, in the language of the account that invited.

    An address that has an account gets a mail without them. An invite that was revoked, replaced or
    accepted, or has expired, is not sent.
    """

    mail: MailService
    read_invites: Begin[InviteMailView]
    secrets: LinkSecrets
    clock: Clock
    name = INVITE_MAIL
    audience = Audience.INTERNAL
    timeout = TIMEOUT_S

    def read(self, data: Mapping[str, object]) -> UUID:
        require_only(data, {"invite_id"})
        try:
            return UUID(read_text(data, "invite_id", longest=36))
        except ValueError:
            raise invalid_payload("must be a UUID", "invite_id") from None

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(self, job: JobContext[UUID], complete: Completion[object]) -> None:
        async with self.read_invites() as view:
            invite = await self._pending(view, job.payload)
            owner = await view.users.find_by_login(invite.email) if invite else None
            language = await _language(view, invite) if invite else None
        result = {"skipped": "the invite has ended"}
        if invite is not None:
            content = self._content(invite, owner, language)
            message_id = self.mail.message_id(job.id)
            await self.mail.send(invite.email, content, message_id)
            result = {"message_id": message_id}
        async with complete(result):
            pass

    async def _pending(self, view: InviteMailView, invite_id: UUID) -> Invite | None:
        invite = await view.invites.get(invite_id)
        return invite if invite is not None and self.clock() < invite.expires_at else None

    def _content(self, invite: Invite, owner: User | None, language: str | None) -> RenderedMail:
        render = self.mail.templates.render
        if owner is not None:
            return render(HAS_ACCOUNT, owner.locale, email=invite.email, name="")
        try:
            token, code = self.secrets.reveal(invite)
        except ValueError as error:
            raise PermanentFailure(str(error)) from None
        values = {"email": invite.email, "token": token, "code": readable(code), "name": ""}
        return render(INVITED, language, **values)


async def _language(view: InviteMailView, invite: Invite) -> str | None:
    """Return the language of the account that invited; the recipient has none yet."""
    try:
        return (await view.users.get(invite.invited_by)).locale
    except UserNotFound:
        return None
