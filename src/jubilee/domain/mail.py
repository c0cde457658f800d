"""Mail: each message is a job, sent at least once and always with the same Message-ID."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from unicodedata import normalize
from uuid import UUID

from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import (
    Audience,
    Completion,
    JobContext,
    JobError,
    JobKind,
    PermanentFailure,
)
from jubilee.domain.jobs.payload import invalid_payload, read_text, require_only
from jubilee.domain.mail_addresses import MAX_ADDRESS_CHARS, is_mail_address
from jubilee.domain.text import (
    ENCODED_WORD,
    composed,
    line_fault,
    person_name_fault,
    text_fault,
)
from jubilee.domain.transaction import Begin
from jubilee.domain.users.ports import UserView
from jubilee.domain.users.registration import WELCOME
from jubilee.domain.users.user import User, UserNotFound

TIMEOUT_S = 60.0  # more than any sender takes
MAX_SUBJECT_CHARS = 250
MAX_TEXT_CHARS = 65_536
IDEOGRAPHIC_STOP = "\u3002"  # mail programs turn domains with it into links
LINK = re.compile(r"[/\\:@<>]|\w\.\w\w")


class OutcomeUnknown(JobError):
    """The mail server may have accepted the message: its final reply is missing."""

    code = "outcome_unknown"


class Undeliverable(PermanentFailure):
    """The mail server rejects this message permanently."""

    code = "undeliverable"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailMessage:
    """A message to one address; `message_id` includes brackets: `<019aa0c1@example.com>`."""

    to: str
    subject: str
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)
    message_id: str
    unsubscribe_url: str = field(default="", repr=False)
    """Page that ends mails of this kind, for List-Unsubscribe; empty if there is none."""


# Ports


class MailSender(Protocol):
    """Hands messages to a mail server."""

    async def send(self, message: MailMessage) -> None:
        """Send a message.

        Raises Unavailable (not accepted, retry), OutcomeUnknown or Undeliverable.
        """


class RenderedMail(NamedTuple):
    """Subject and bodies of a message."""

    subject: str
    text: str
    html: str | None


class MailTemplates(Protocol):
    """The templates of the service's own messages."""

    def render(self, name: str, language: str | None, /, **values: object) -> RenderedMail:
        """Render the template `name`, such as `welcome`; without a language in English."""


@dataclass(frozen=True, slots=True)
class MailService:
    """Sends rendered messages; `domain` is the right side of every Message-ID.

    `public_url` is the service's, or empty.
    """

    sender: MailSender
    templates: MailTemplates
    domain: str
    public_url: str = ""

    def message_id(self, reference: object) -> str:
        """Return the Message-ID of a reference: always the same."""
        return f"<{reference}@{self.domain}>"

    def page(self, path: str, token: str) -> str:
        """Return the URL of a page with a token; empty if the service has no public URL."""
        return f"{self.public_url}{path}?token={token}" if self.public_url else ""

    async def send(
        self, to: str, content: RenderedMail, message_id: str, *, unsubscribe_url: str = ""
    ) -> None:
        """Send a message; raise as `MailSender.send` does."""
        message = MailMessage(
            to=to,
            subject=content.subject,
            text=content.text,
            html=content.html,
            message_id=message_id,
            unsubscribe_url=unsubscribe_url,
        )
        await self.sender.send(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailPayload:
    """The payload of `email.send`."""

    to: str
    content: RenderedMail = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendMail(JobKind[EmailPayload, object]):
    """`email.send`: a message written by an admin."""

    mail: MailService
    name = "email.send"
    audience = Audience.ADMINS
    timeout = TIMEOUT_S
    private = frozenset({"text", "html"})  # may contain sign-in links and confidential text

    def read(self, data: Mapping[str, object]) -> EmailPayload:
        require_only(data, {"to", "subject", "text", "html"})
        html = _body(data, "html") if "html" in data else None
        content = RenderedMail(_subject(data), _body(data, "text"), html)
        return EmailPayload(to=_address(data), content=content)

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(self, job: JobContext[EmailPayload], complete: Completion[object]) -> None:
        email, message_id = job.payload, self.mail.message_id(job.id)
        await self.mail.send(email.to, email.content, message_id)
        async with complete({"message_id": message_id}):
            pass


@dataclass(frozen=True, slots=True)
class WelcomeMail(JobKind[UserId, object]):
    """`email.welcome`: the mail that a new account gets."""

    mail: MailService
    read_accounts: Begin[UserView]
    name = WELCOME
    audience = Audience.INTERNAL
    timeout = TIMEOUT_S

    def read(self, data: Mapping[str, object]) -> UserId:
        require_only(data, {"user_id"})
        try:
            return UserId(UUID(read_text(data, "user_id", longest=36)))
        except ValueError:
            raise invalid_payload("must be a UUID", "user_id") from None

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(self, job: JobContext[UserId], complete: Completion[object]) -> None:
        try:
            async with self.read_accounts() as view:
                user = await view.users.get(job.payload)
        except UserNotFound:
            raise PermanentFailure("the account was deleted") from None
        message_id = self.mail.message_id(job.id)
        values = {"name": display_name(user), "email": user.email}
        content = self.mail.templates.render("welcome", user.locale, **values)
        await self.mail.send(user.email, content, message_id)
        async with complete({"message_id": message_id}):
            pass


def display_name(user: User) -> str:
    """Return the name used in mail, or an empty string for names that are not safe there.

    Names that mail programs show as links are not used, nor stored names that break today's rules.
    """
    name = user.full_name or user.username or ""
    links = LINK.search(normalize("NFKC", name).replace(IDEOGRAPHIC_STOP, "."))
    return "" if links or person_name_fault(name) else name


def _address(data: Mapping[str, object]) -> str:
    address = read_text(data, "to", longest=MAX_ADDRESS_CHARS)
    if not is_mail_address(address):
        raise invalid_payload("must be one e-mail address", "to")
    return address


def _subject(data: Mapping[str, object]) -> str:
    subject = composed(read_text(data, "subject", longest=MAX_SUBJECT_CHARS))
    if ENCODED_WORD in subject or line_fault(subject):
        raise invalid_payload("must be one line of printable characters, without '=?'", "subject")
    return subject


def _body(data: Mapping[str, object], name: str) -> str:
    text = read_text(data, name, longest=MAX_TEXT_CHARS)
    if text_fault(text):
        raise invalid_payload("must be text without control characters", name)
    return text
