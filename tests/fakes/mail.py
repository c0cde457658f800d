"""A mail sender that records messages, and templates that print their values."""

from dataclasses import dataclass, field

from jubilee.domain.mail import MailMessage, MailSender, MailService, MailTemplates, RenderedMail


@dataclass(slots=True)
class FakeMailSender(MailSender):
    """Record the messages; raise `broken` instead when it is set."""

    sent: list[MailMessage] = field(default_factory=list)
    broken: Exception | None = None

    async def send(self, message: MailMessage) -> None:
        if self.broken is not None:
            raise self.broken
        self.sent.append(message)


class FakeTemplates(MailTemplates):
    """Render the values in the order of their names."""

    def render(self, name: str, language: str | None, /, **values: object) -> RenderedMail:
        text = " ".join(f"{key}={values[key]}" for key in sorted(values))
        return RenderedMail(
            name if language is None else f"{name}.{language}", text, f"<p>{text}</p>"
        )


def fake_mail_service(mailer: MailSender) -> MailService:
    """Return a mail service over the sender, at the domain `jubilee.test`."""
    return MailService(mailer, FakeTemplates(), "jubilee.test")
