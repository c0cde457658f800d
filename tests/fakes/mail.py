"""A mailer that remembers, and templates that say what they were given."""

from dataclasses import dataclass, field

from jubilee.domain.mail import MailMessage, MailSender, MailService, MailTemplates, RenderedMail


@dataclass(slots=True)
class FakeMailSender(MailSender):
    """Keeps what it is handed; raises `broken` instead where a test wants it to."""

    sent: list[MailMessage] = field(default_factory=list)
    broken: Exception | None = None

    async def send(self, message: MailMessage) -> None:
        if self.broken is not None:
            raise self.broken
        self.sent.append(message)


class FakeTemplates(MailTemplates):
    """The values, in the order of their names."""

    def render(self, name: str, /, **values: object) -> RenderedMail:
        said = " ".join(f"{key}={values[key]}" for key in sorted(values))
        return RenderedMail(name, said, f"<p>{said}</p>")


def fake_mail_service(mailer: MailSender) -> MailService:
    """All that kinds of mail need, at the domain `jubilee.test`."""
    return MailService(mailer, FakeTemplates(), "jubilee.test")
