"""Mail by SMTP, to a real server: encryption, login, refusals, silence."""

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
from tests.certificates import Certificate, make_certificate

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SENDER = parse_sender("Jübilee <jubilee@jubilee.test>")
MESSAGE = MailMessage(
    to="zoe@example.com",
    subject="Grüße aus Wien",
    text="Hello\n.\nZoë\n",
    html="<p>Hello Zoë</p>",
    message_id="<019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f@jubilee.test>",
)


@dataclass  # aiosmtpd asks for all its members, and Python 3.11.2 fails over those of slots
class Inbox:
    """Takes what comes, unless a test says what to answer instead."""

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
        """The one message that came."""
        (envelope,) = self.mail
        assert isinstance(envelope.content, bytes)
        return message_from_bytes(envelope.content, EmailMessage, policy=policy.default)


def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, login: object) -> AuthResult:
    right = LoginPassword(b"zoe", b"p@ss:word")
    return AuthResult(success=login == right, handled=False)


Serve = Callable[..., Awaitable[int]]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def serve(inbox: Inbox) -> AsyncIterator[Serve]:
    """Start a server with these options; its port."""
    loop = asyncio.get_running_loop()
    servers: list[asyncio.Server] = []
    talks: list[SMTP] = []

    async def started(ssl: SSLContext | None = None, **options: Any) -> int:
        def talk() -> SMTP:
            talks.append(SMTP(inbox, loop=loop, hostname="mail.test", **options))
            return talks[-1]

        server = await loop.create_server(talk, "127.0.0.1", 0, ssl=ssl)
        servers.append(server)
        port = server.sockets[0].getsockname()[1]
        assert isinstance(port, int)
        return port

    yield started
    for smtp in talks:
        if smtp.transport is not None:
            smtp.transport.close()
    for server in servers:
        server.close()
        await server.wait_closed()
    await asyncio.sleep(0)  # in which the transports that were told to end do so


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("smtp"), "IP:127.0.0.1")


def mailer(url: str, certificate: Certificate | None = None, timeout: float = 5) -> SmtpMailSender:
    context = certificate.client if certificate else None
    server = SmtpServer.parse(url)
    return SmtpMailSender(server, SENDER, lambda: NOW, context=context, timeout=timeout)


async def test_a_message_arrives_as_it_was_meant(serve: Serve, inbox: Inbox) -> None:
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


async def test_what_is_offered_is_used(
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


async def test_a_server_that_shows_a_strange_certificate_gets_nothing(
    serve: Serve, inbox: Inbox, certificate: Certificate
) -> None:
    port = await serve(tls_context=certificate.server)
    with pytest.raises(Unavailable, match="certificate"):
        await mailer(f"smtp://127.0.0.1:{port}").send(MESSAGE)
    assert not inbox.mail


async def test_a_password_never_goes_out_in_the_clear(serve: Serve, inbox: Inbox) -> None:
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
def test_a_login_elsewhere_needs_encryption_by_default(
    url: str, expected: tuple[int, bool, bool | None]
) -> None:
    server = SmtpServer.parse(url)
    assert (server.port, server.tls, server.starttls) == expected
    assert "s3cret" not in repr(server)


@pytest.mark.parametrize(
    "url",
    ["http://mail.test", "smtp://", "smtp://mail.test/x", "smtp://mail.test?starttls=perhaps"],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
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
async def test_what_is_refused_for_good_and_what_for_now(
    serve: Serve, inbox: Inbox, step: str, answer: str, expected: type[Exception]
) -> None:
    inbox.answers[step] = answer
    with pytest.raises(expected, match=answer):
        await mailer(f"smtp://127.0.0.1:{await serve()}").send(MESSAGE)


async def test_a_wrong_login_can_be_put_right(serve: Serve) -> None:
    port = await serve(authenticator=authenticate, auth_require_tls=False)
    with pytest.raises(Unavailable, match="535"):
        await mailer(f"smtp://zoe:wrong@127.0.0.1:{port}").send(MESSAGE)


async def test_what_a_server_says_is_kept_short_and_on_one_line(serve: Serve, inbox: Inbox) -> None:
    inbox.answers["RCPT"] = "550-" + "no " * 150 + "\r\n550 \x1b[31mno"
    with pytest.raises(Undeliverable) as refused:
        await mailer(f"smtp://127.0.0.1:{await serve()}").send(MESSAGE)
    assert len(str(refused.value)) < 250
    assert str(refused.value).isprintable()


async def test_letters_outside_ascii_need_a_server_that_knows_them(
    serve: Serve, inbox: Inbox
) -> None:
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
async def test_no_header_breaks_out(serve: Serve, inbox: Inbox, changes: dict[str, str]) -> None:
    parts = {"to": MESSAGE.to, "subject": "Hi", "text": "Hi", "message_id": "<1@a.test>"}
    with pytest.raises(Undeliverable):
        await mailer(f"smtp://127.0.0.1:{await serve()}").send(MailMessage(**{**parts, **changes}))
    assert not inbox.mail


async def test_nobody_at_home_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await mailer("smtp://127.0.0.1:1").send(MESSAGE)


@asynccontextmanager
async def falling_silent(
    greeting: bytes, replies: dict[bytes, bytes], silent_at: bytes
) -> AsyncIterator[int]:
    """A server for one client that says nothing from some line on; its port."""
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            if line.startswith(silent_at):
                await reader.read()
                break
            known = [reply for word, reply in replies.items() if line.startswith(word)]
            writer.write(b"".join(known))
        writer.transport.abort()
        gone.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.wait_for(gone.wait(), 5)
        await asyncio.sleep(0)  # in which the transport that was told to end does so


async def talk_to(greeting: bytes, replies: dict[bytes, bytes], *, silent_at: bytes) -> float:
    """How long the mailer waited."""
    async with falling_silent(greeting, replies, silent_at) as port:
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
async def test_a_silent_server_has_surely_not_taken_it(silent_at: bytes) -> None:
    began = monotonic()
    with pytest.raises(Unavailable):
        await talk_to(b"220 test\r\n", REPLIES, silent_at=silent_at)
    assert monotonic() - began < 2


async def test_a_server_that_says_nothing_at_all_is_waited_for_in_vain() -> None:
    with pytest.raises(Unavailable):
        await talk_to(b"", REPLIES, silent_at=b"EHLO")


async def test_silence_after_the_last_line_may_mean_that_it_was_taken() -> None:
    with pytest.raises(OutcomeUnknown):
        await talk_to(b"220 test\r\n", REPLIES, silent_at=b".\r\n")


async def test_a_message_that_was_taken_was_taken_whatever_follows() -> None:
    assert await talk_to(b"220 test\r\n", REPLIES, silent_at=b"QUIT") < 5
