"""Mail: every message is a job, sent at least once and always under the same Message-ID."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from unicodedata import normalize
from uuid import UUID

from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import Audience, Claim, Finish, GiveUp, JobError, Kind
from jubilee.domain.jobs.payload import refused, require_only, text_of
from jubilee.domain.mail_addresses import LONGEST_ADDRESS, is_mail_address
from jubilee.domain.text import (
    ENCODED_WORD,
    composed,
    line_fault,
    person_name_fault,
    text_fault,
)
from jubilee.domain.transaction import Begin
from jubilee.domain.users import WELCOME, User, UserNotFound, UserTransaction

TIMEOUT = 60.0  # seconds: longer than any mailer takes
LONGEST_SUBJECT = 250
LONGEST_TEXT = 65_536
IDEOGRAPHIC_STOP = "\u3002"  # mail programs make links of domains that are written with it
LINK = re.compile(r"[/\\:@<>]|\w\.\w\w")


class OutcomeUnknown(JobError):
    """The mail server may have taken the message, or not: it fell silent at the end."""

    code = "outcome_unknown"


class Undeliverable(GiveUp):
    """The mail server will never take this message."""

    code = "undeliverable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one person; `message_id` with its brackets: `<019aa0c1@example.com>`."""

    to: str
    subject: str
    text: str = field(repr=False)
    html: str | None = field(default=None, repr=False)
    message_id: str


class Mailer(Protocol):
    """Hands messages to whoever delivers them."""

    async def send(self, message: Message) -> None:
        """Raises Unavailable (surely not taken, try again), OutcomeUnknown or Undeliverable."""


class NoMailer(Mailer):
    """Where none is configured: the API knows the kinds of mail all the same."""

    async def send(self, message: Message) -> None:
        raise Unavailable(f"mail is not configured: {message.message_id} waits")


class Rendered(NamedTuple):
    """What a message says."""

    subject: str
    text: str
    html: str | None


class Templates(Protocol):
    """What the service writes to people."""

    def render(self, name: str, /, **values: object) -> Rendered:
        """`name` is `welcome` or another template's; the values are what it speaks of."""


@dataclass(frozen=True, slots=True)
class Post:
    """What it takes to write to somebody; `domain` is the right half of every Message-ID."""

    mailer: Mailer
    templates: Templates
    domain: str

    def message_id(self, reference: object) -> str:
        """The same for the same reference, whenever it is asked for."""
        return f"<{reference}@{self.domain}>"

    async def send(self, to: str, letter: Rendered, message_id: str) -> None:
        """As `Mailer.send` does."""
        message = Message(
            to=to,
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            message_id=message_id,
        )
        await self.mailer.send(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What `email.send` says."""

    to: str
    content: Rendered = field(repr=False)


@dataclass(frozen=True, slots=True)
class SendMail(Kind[Letter, object]):
    """`email.send`: a message as an admin wrote it."""

    post: Post
    name = "email.send"
    audience = Audience.ADMINS
    timeout = TIMEOUT
    private = frozenset({"text", "html"})  # links to sign in by, and what only the reader may know

    def read(self, data: Mapping[str, object]) -> Letter:
        require_only(data, {"to", "subject", "text", "html"})
        html = _body(data, "html") if "html" in data else None
        content = Rendered(_subject(data), _body(data, "text"), html)
        return Letter(to=_address(data), content=content)

    def shown(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(self, claim: Claim[Letter], finish: Finish[object]) -> None:
        letter, message_id = claim.payload, self.post.message_id(claim.id)
        await self.post.send(letter.to, letter.content, message_id)
        async with finish({"message_id": message_id}):
            pass


@dataclass(frozen=True, slots=True)
class WelcomeMail(Kind[UserId, object]):
    """`email.welcome`: what everybody gets who registers."""

    post: Post
    read_accounts: Begin[UserTransaction]
    name = WELCOME
    audience = Audience.NOBODY
    timeout = TIMEOUT

    def read(self, data: Mapping[str, object]) -> UserId:
        require_only(data, {"user_id"})
        try:
            return UserId(UUID(text_of(data, "user_id", longest=36)))
        except ValueError:
            raise refused("it is not a UUID", "user_id") from None

    def shown(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(self, claim: Claim[UserId], finish: Finish[object]) -> None:
        try:
            async with self.read_accounts() as view:
                user = await view.users.get(claim.payload)
        except UserNotFound:
            raise GiveUp("the account is gone") from None
        message_id = self.post.message_id(claim.id)
        letter = self.post.templates.render("welcome", name=called(user), email=user.email)
        await self.post.send(user.email, letter, message_id)
        async with finish({"message_id": message_id}):
            pass


def called(user: User) -> str:
    """How a letter addresses the person: never by a name that carries a link to somebody else.

    Nor by one that was taken before the rule for names, and that mail programs would decode.
    """
    name = user.full_name or user.username or ""
    links = LINK.search(normalize("NFKC", name).replace(IDEOGRAPHIC_STOP, "."))
    return "" if links or person_name_fault(name) else name


def _address(data: Mapping[str, object]) -> str:
    address = text_of(data, "to", longest=LONGEST_ADDRESS)
    if not is_mail_address(address):
        raise refused("it is not one e-mail address", "to")
    return address


def _subject(data: Mapping[str, object]) -> str:
    subject = composed(text_of(data, "subject", longest=LONGEST_SUBJECT))
    if ENCODED_WORD in subject or line_fault(subject):
        raise refused("it is one line of printable characters, without '=?'", "subject")
    return subject


def _body(data: Mapping[str, object], name: str) -> str:
    text = text_of(data, name, longest=LONGEST_TEXT)
    if text_fault(text):
        raise refused("it is a text without control characters", name)
    return text
