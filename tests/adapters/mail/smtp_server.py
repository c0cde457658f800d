"""An SMTP server of the test's own, and senders to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

from jubilee.adapters.mail.composing import parse_sender
from jubilee.adapters.mail.smtp import SmtpMailSender
from jubilee.domain.mail import MailMessage
from jubilee.urls.smtp import SmtpServer
from tests.support.certificates import Certificate

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

SENDER = parse_sender("Jübilee <jubilee@jubilee.test>")

MESSAGE = MailMessage(
    to="zoe@example.com",
    subject="Grüße aus Wien",
    text="Hello\n.\nZoë\n",
    html="<p>Hello Zoë</p>",
    message_id="<019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f@jubilee.test>",
)


@dataclass  # no slots: aiosmtpd lists all members, which fails for slots in Python 3.11.2
class Inbox:
    """Accept messages, with the configured answers to commands."""

    answers: dict[str, str] = field(default_factory=dict)
    mail: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, _: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.mail.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return self.answers.get("DATA", "250 OK")

    def only(self) -> EmailMessage:
        """Return the only received message."""
        (envelope,) = self.mail
        assert isinstance(envelope.content, bytes)
        return message_from_bytes(envelope.content, EmailMessage, policy=policy.default)


Serve = Callable[..., Awaitable[int]]


def mailer(url: str, certificate: Certificate | None = None, timeout: float = 5) -> SmtpMailSender:
    context = certificate.client if certificate else None
    server = SmtpServer.parse(url)
    return SmtpMailSender(server, SENDER, lambda: NOW, context=context, timeout=timeout)
