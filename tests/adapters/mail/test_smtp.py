"""Mail by SMTP to a real server: encryption, login, refusals, timeouts."""

import asyncio
from collections.abc import AsyncIterator
from ssl import SSLContext
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from jubilee.domain.errors import Unavailable
from jubilee.domain.mail import MailMessage, Undeliverable
from jubilee.urls.smtp import SmtpServer
from tests.adapters.mail.smtp_server import MESSAGE, SENDER, Inbox, Serve, mailer
from tests.support.certificates import Certificate, make_certificate


def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, login: object) -> AuthResult:
    expected = LoginPassword(b"zoe", b"p@ss:word")
    return AuthResult(success=login == expected, handled=False)


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
