"""Mail by SMTP to a real server: encryption, login, refusals, timeouts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from ssl import SSLContext
from time import monotonic
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from jubilee.adapters.mail.composing import parse_sender
from jubilee.adapters.mail.smtp import SmtpMailSender
from jubilee.domain.errors import Unavailable
from jubilee.domain.mail import MailMessage, OutcomeUnknown, Undeliverable
from jubilee.urls.smtp import SmtpServer
from tests.support.certificates import Certificate, make_certificate

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


def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, login: object) -> AuthResult:
    expected = LoginPassword(b"zoe", b"p@ss:word")
    return AuthResult(success=login == expected, handled=False)


Serve = Callable[..., Awaitable[int]]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def serve(inbox: Inbox) -> AsyncIterator[Serve]:
    """Start a server with these options and return its port."""
    loop = asyncio.get_running_loop()
    servers: list[asyncio.Server] = []
    sessions: list[SMTP] = []

    async def started(ssl: SSLContext | None = None, **options: Any) -> int:
        def open_session() -> SMTP:
            sessions.append(SMTP(inbox, loop=loop, hostname="mail.test", **options))
            return sessions[-1]

        server = await loop.create_server(open_session, "127.0.0.1", 0, ssl=ssl)
        servers.append(server)
        port = server.sockets[0].getsockname()[1]
        assert isinstance(port, int)
        return port

    yield started
    for smtp in sessions:
        if smtp.transport is not None:
            smtp.transport.close()
    for server in servers:
        server.close()
        await server.wait_closed()
    await asyncio.sleep(0)  # lets the closed transports end


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("smtp"), "IP:127.0.0.1")


def mailer(url: str, certificate: Certificate | None = None, timeout: float = 5) -> SmtpMailSender:
    context = certificate.client if certificate else None
    server = SmtpServer.parse(url)
    return SmtpMailSender(server, SENDER, lambda: NOW, context=context, timeout=timeout)


async def test_a_message_arrives_complete(serve: Serve, inbox: Inbox) -> None:
    await mailer(f"smtp://127.0.0.1:{await serve()}").send(MESSAGE)
    mail = inbox.only()
    assert [(e.mail_from, e.rcpt_tos) for e in inbox.mail] == [
        ("jubilee@jubilee.test", ["zoe@example.com"])
    ]
    assert (mail["To"], mail["Subject"]) == ("zoe@example.com", "Grüße aus Wien")
    assert (mail["From"], mail["Date"]) == (str(SENDER), "Fri, 20 Nov 2026 09:00:00 +0000")
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == (MESSAGE.message_id, "auto-generated")
    plain, html = mail.iter_parts()
    assert (plain.get_content_type(), plain.get_content()) == (
        "text/plain",
        "Hello\r\n.\r\nZoë\r\n",
    )
    assert (html.get_content_type(), html.get_content()) == ("text/html", "<p>Hello Zoë</p>\r\n")


async def test_a_login_is_encrypted_by_starttls(
    serve: Serve, inbox: Inbox, certificate: Certificate
) -> None:
    port = await serve(
        tls_context=certificate.server, require_starttls=True, authenticator=authenticate
    )
    url = f"smtp://zoe:p%40ss%3Aword@127.0.0.1:{port}?starttls=always"
    await mailer(url, certificate).send(MESSAGE)
    assert inbox.encrypted == [True]


async def test_offered_starttls_is_used_unless_disabled(
    serve: Serve, inbox: Inbox, certificate: Certificate
) -> None:
    port = await serve(tls_context=certificate.server)
    await mailer(f"smtp://127.0.0.1:{port}", certificate).send(MESSAGE)
    await mailer(f"smtp://127.0.0.1:{port}?starttls=never", certificate).send(MESSAGE)
    assert inbox.encrypted == [True, False]


async def test_smtps_is_encrypted_from_the_first_byte(
    serve: Serve, inbox: Inbox, certificate: Certificate
) -> None:
    port = await serve(ssl=certificate.server)
    await mailer(f"smtps://127.0.0.1:{port}", certificate).send(MESSAGE)
    assert len(inbox.mail) == 1


async def test_an_untrusted_certificate_is_refused(
    serve: Serve, inbox: Inbox, certificate: Certificate
) -> None:
    port = await serve(tls_context=certificate.server)
    with pytest.raises(Unavailable, match="certificate"):
        await mailer(f"smtp://127.0.0.1:{port}").send(MESSAGE)
    assert not inbox.mail


async def test_a_password_is_never_sent_unencrypted(serve: Serve, inbox: Inbox) -> None:
    port = await serve(authenticator=authenticate, auth_require_tls=False)
    with pytest.raises(Unavailable):
        await mailer(f"smtp://zoe:p%40ss%3Aword@127.0.0.1:{port}?starttls=always").send(MESSAGE)
    assert not inbox.mail


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.test", (587, False, None)),
        ("smtp://zoe:s3cret@mail.test", (587, False, True)),
        ("smtp://zoe:s3cret@mail.test:25?starttls=auto", (25, False, None)),
        ("smtp://zoe:s3cret@127.0.0.1:1025", (1025, False, None)),
        ("smtp://zoe:s3cret@localhost:1025", (1025, False, None)),
        ("smtp://mail.test?starttls=never", (587, False, False)),
        ("smtps://zoe:s3cret@mail.test", (465, True, False)),
    ],
)
def test_a_login_to_a_remote_server_needs_encryption_by_default(
    url: str, expected: tuple[int, bool, bool | None]
) -> None:
    server = SmtpServer.parse(url)
    assert (server.port, server.tls, server.starttls) == expected
    assert "s3cret" not in repr(server)


@pytest.mark.parametrize(
    "url",
    ["http://mail.test", "smtp://", "smtp://mail.test/x", "smtp://mail.test?starttls=perhaps"],
)
def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        SmtpServer.parse(url)


@pytest.mark.parametrize(
    ("step", "answer", "expected"),
    [
        ("RCPT", "550 No such person", Undeliverable),
        ("RCPT", "450 Try later", Unavailable),
        ("RCPT", "421 Going down", Unavailable),
        ("DATA", "554 Looks like spam", Undeliverable),
        ("DATA", "451 Greylisted", Unavailable),
        ("MAIL", "550 Who are you", Unavailable),
    ],
)
async def test_permanent_and_temporary_refusals_are_distinguished(
    serve: Serve, inbox: Inbox, step: str, answer: str, expected: type[Exception]
) -> None:
    inbox.answers[step] = answer
    with pytest.raises(expected, match=answer):
        await mailer(f"smtp://127.0.0.1:{await serve()}").send(MESSAGE)


async def test_a_wrong_login_is_temporary(serve: Serve) -> None:
    port = await serve(authenticator=authenticate, auth_require_tls=False)
    with pytest.raises(Unavailable, match="535"):
        await mailer(f"smtp://zoe:wrong@127.0.0.1:{port}").send(MESSAGE)


async def test_the_answer_of_a_server_is_shortened_to_one_line(serve: Serve, inbox: Inbox) -> None:
    inbox.answers["RCPT"] = "550-" + "no " * 150 + "\r\n550 \x1b[31mno"
    with pytest.raises(Undeliverable) as refused:
        await mailer(f"smtp://127.0.0.1:{await serve()}").send(MESSAGE)
    assert len(str(refused.value)) < 250
    assert str(refused.value).isprintable()


async def test_an_international_address_needs_smtputf8(serve: Serve, inbox: Inbox) -> None:
    person = MailMessage(to="zoë@bücher.example", subject="Hi", text="Hi", message_id="<1@a.test>")
    with pytest.raises(Undeliverable, match="ASCII"):
        await mailer(f"smtp://127.0.0.1:{await serve()}").send(person)
    await mailer(f"smtp://127.0.0.1:{await serve(enable_SMTPUTF8=True)}").send(person)
    assert [envelope.rcpt_tos for envelope in inbox.mail] == [["zoë@xn--bcher-kva.example"]]
    assert "SMTPUTF8" in inbox.mail[0].mail_options


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "zoe@example.com\r\nBcc: eve@example.com"},
        {"subject": "Hello\r\nBcc: eve@example.com"},
        {"subject": "Hello\nBcc: eve@example.com"},
        {"message_id": "<1@a.test>\r\nBcc: eve@example.com"},
    ],
)
async def test_no_header_can_be_injected(
    serve: Serve, inbox: Inbox, changes: dict[str, str]
) -> None:
    parts = {"to": MESSAGE.to, "subject": "Hi", "text": "Hi", "message_id": "<1@a.test>"}
    with pytest.raises(Undeliverable):
        await mailer(f"smtp://127.0.0.1:{await serve()}").send(MailMessage(**{**parts, **changes}))
    assert not inbox.mail


async def test_an_unreachable_server_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await mailer("smtp://127.0.0.1:1").send(MESSAGE)


@asynccontextmanager
async def server_that_stops_answering(
    greeting: bytes, replies: dict[bytes, bytes], silent_at: bytes
) -> AsyncIterator[int]:
    """Run a server that stops answering at a command, and yield its port."""
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            if line.startswith(silent_at):
                await reader.read()
                break
            known = [reply for word, reply in replies.items() if line.startswith(word)]
            writer.write(b"".join(known))
        writer.transport.abort()
        closed.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.wait_for(closed.wait(), 5)
        await asyncio.sleep(0)  # lets the closed transport end


async def send_to(greeting: bytes, replies: dict[bytes, bytes], *, silent_at: bytes) -> float:
    """Send a message and return the seconds that it took."""
    async with server_that_stops_answering(greeting, replies, silent_at) as port:
        began = monotonic()
        await mailer(f"smtp://127.0.0.1:{port}", timeout=0.3).send(MESSAGE)
        return monotonic() - began


REPLIES = {
    b"EHLO": b"250 test\r\n",
    b"MAIL": b"250 OK\r\n",
    b"RCPT": b"250 OK\r\n",
    b"DATA": b"354 Go on\r\n",
    b".\r\n": b"250 Taken\r\n",
}


@pytest.mark.parametrize("silent_at", [b"EHLO", b"MAIL", b"RCPT"])
async def test_a_server_silent_before_the_data_is_unavailable(silent_at: bytes) -> None:
    began = monotonic()
    with pytest.raises(Unavailable):
        await send_to(b"220 test\r\n", REPLIES, silent_at=silent_at)
    assert monotonic() - began < 2


async def test_a_server_without_a_greeting_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await send_to(b"", REPLIES, silent_at=b"EHLO")


async def test_silence_after_the_data_is_an_unknown_outcome() -> None:
    with pytest.raises(OutcomeUnknown):
        await send_to(b"220 test\r\n", REPLIES, silent_at=b".\r\n")


async def test_silence_after_the_acceptance_is_a_success() -> None:
    assert await send_to(b"220 test\r\n", REPLIES, silent_at=b"QUIT") < 5
