"""A mailer that remembers, and templates that say what they were given."""

from dataclasses import dataclass, field

from jubilee.domain.mail import Mailer, Message, Post, Rendered, Templates


@dataclass(slots=True)
class FakeMailer(Mailer):
    """Keeps what it is handed; raises `broken` instead where a test wants it to."""

    sent: list[Message] = field(default_factory=list)
    broken: Exception | None = None

    async def send(self, message: Message) -> None:
        if self.broken is not None:
            raise self.broken
        self.sent.append(message)


class FakeTemplates(Templates):
    """The values, in the order of their names."""

    def render(self, name: str, /, **values: object) -> Rendered:
        said = " ".join(f"{key}={values[key]}" for key in sorted(values))
        return Rendered(name, said, f"<p>{said}</p>")


def fake_post(mailer: Mailer) -> Post:
    """All that kinds of mail need, at the domain `jubilee.test`."""
    return Post(mailer, FakeTemplates(), "jubilee.test")
