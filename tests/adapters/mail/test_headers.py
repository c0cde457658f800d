"""Composed messages, read again by other parsers: no header can be injected."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, message_from_string, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.message import Message as ParsedMessage
from email.utils import getaddresses, parseaddr
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from hypothesis import example, given
from hypothesis import strategies as st

from jubilee.adapters.mail import composing
from jubilee.adapters.mail.composing import compose, parse_sender
from jubilee.adapters.mail.eml import EmlMailSender
from jubilee.adapters.mail.headers import check_written
from jubilee.adapters.mail.smtp import SmtpMailSender
from jubilee.adapters.mail.templates import JinjaTemplates
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.runner import Outcome
from jubilee.domain.mail import MailMessage, MailSender, MailService, SendMail, Undeliverable
from jubilee.urls.smtp import SmtpServer
from tests.domain.jobs.job_harness import JobHarness

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SENDER = parse_sender("Jübilee <jubilee@jubilee.test>")
MESSAGE = MailMessage(
    to="zoe@example.com", subject="Hi", text="Hello", message_id="<1@jubilee.test>"
)
BCC = "=?utf-8?Q?x=0D=0ABcc=3A_evil=40evil.example?="
TWO = "=?utf-8?Q?evil=40evil.example=2C?="
HEADERS = {
    "from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version",
    "content-type", "content-transfer-encoding",
}  # fmt: skip
PIECES = st.sampled_from(
    [
        BCC, TWO, "=?", "?=", "=?utf-8?b?DQpCY2M6IGVAZS5leA==?=", "=?utf-8?q?_?=", "\r\n", "\n",
        "\r", "\r\n.\r\n", "\n.\n", "Bcc: e@e.ex", "\u2028", "\x85", "\x0b", ",", ";", ":", "<",
        ">", '"', "\\", "(", ")", "@", " ", "\t", "ü", "🎂", "\u202e", "\0", "\ud800", "a" * 70,
        "é" * 70, "zoe", "e.ex",
    ]
)  # fmt: skip
HOSTILE = st.lists(PIECES | st.text(max_size=5), max_size=6).map("".join)
ADDRESSES = st.just("zoe@example.com") | HOSTILE.map(lambda t: f"{t}@example.com") | HOSTILE
MESSAGES = st.builds(
    MailMessage,
    to=ADDRESSES,
    subject=HOSTILE,
    text=HOSTILE,
    html=st.none() | HOSTILE,
    message_id=st.just(MESSAGE.message_id),
)


def raw_names(content: bytes) -> list[str]:
    """Return the names of the headers by splitting lines only."""
    lines = content.partition(b"\r\n\r\n")[0].splitlines()
    return [line.partition(b":")[0].decode().lower() for line in lines if not line[:1].isspace()]


def check(content: bytes, message: MailMessage) -> None:
    """Check that three parsers read the message as it was meant."""
    names = raw_names(content)
    assert len(names) == len(set(names)), names
    assert set(names) <= HEADERS, names
    old: ParsedMessage = message_from_string(content.decode())
    new = message_from_bytes(content, EmailMessage, policy=policy.default)
    assert [address for _, address in getaddresses([str(old["To"])])] == [message.to]
    assert len(new["To"].addresses) == len(new["From"].addresses) == 1
    assert new["From"].addresses[0].addr_spec == SENDER.addr_spec
    assert str(make_header(decode_header(old["Subject"]))) == message.subject
    assert not old.defects


def eml(message: MailMessage) -> bytes | None:
    """Send the message as a file and return its content, if one was written."""
    with TemporaryDirectory() as folder:
        mailer = EmlMailSender(Path(folder), SENDER, lambda: NOW)
        with suppress(Undeliverable):
            asyncio.run(mailer.send(message))
        files = list(Path(folder).iterdir())
        return files[0].read_bytes() if files else None


class Inbox:
    """Store the received messages."""

    def __init__(self) -> None:
        self.mail: list[Envelope] = []

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        self.mail.append(envelope)
        return "250 OK"


def smtp(message: MailMessage) -> list[Envelope]:
    """Send the message to a real SMTP server and return what it received."""

    async def sent() -> list[Envelope]:
        loop, inbox = asyncio.get_running_loop(), Inbox()
        sessions: list[SMTP] = []

        def open_session() -> SMTP:
            sessions.append(SMTP(inbox, loop=loop, hostname="mail.test", enable_SMTPUTF8=True))
            return sessions[-1]

        server = await loop.create_server(open_session, "127.0.0.1", 0)
        target = SmtpServer.parse(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        mailer: MailSender = SmtpMailSender(target, SENDER, lambda: NOW)
        with suppress(Undeliverable):
            await mailer.send(message)
        for each in sessions:
            if each.transport is not None:
                each.transport.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)
        return inbox.mail

    return asyncio.run(sent())


@given(MESSAGES)
@example(replace(MESSAGE, subject=BCC))
@example(replace(MESSAGE, to=f"{BCC}@example.com"))
@example(replace(MESSAGE, to=f"{TWO}@example.com"))
@example(replace(MESSAGE, subject="Grüße " * 20 + "=?"))
@example(replace(MESSAGE, subject="aé  b é" * 20))
def test_a_written_file_has_the_meant_headers(message: MailMessage) -> None:
    content = eml(message)
    if content is not None:
        check(content, message)


@given(MESSAGES)
@example(replace(MESSAGE, subject=BCC))
@example(replace(MESSAGE, to=f"{BCC}@example.com"))
@example(replace(MESSAGE, to=f"{TWO}@example.com"))
@example(replace(MESSAGE, to="zoë@example.com"))
@example(replace(MESSAGE, text="a\r\n.\r\nMAIL FROM:<e@e.ex>\r\n\n.\nb"))
def test_a_sent_message_has_the_meant_headers(message: MailMessage) -> None:
    for envelope in smtp(message):
        assert isinstance(envelope.content, bytes)
        check(envelope.content, message)
        assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER.addr_spec, [message.to])


@pytest.mark.parametrize(
    "subject", ["Grüße aus Wien", "🎂" * 100, "a  b", "ü" * 250, "x " * 100 + "x"]
)
def test_an_ordinary_subject_arrives_unchanged(subject: str) -> None:
    message = replace(MESSAGE, subject=subject, html="<p>Hello</p>")
    check(compose(message, SENDER, NOW).content, message)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": BCC},
        {"subject": "Hi =?"},
        {"to": f"{BCC}@example.com"},
        {"to": f"{TWO}@example.com"},
        {"to": "a@example.com, b@example.com"},
        {"to": f"{'é' * 33}@example.com"},
        {"text": "half \ud800"},
    ],
)
def test_values_that_a_header_cannot_hold_are_undeliverable(changes: dict[str, str]) -> None:
    with pytest.raises(Undeliverable):
        compose(replace(MESSAGE, **changes), SENDER, NOW)


@pytest.mark.parametrize("error", [HeaderParseError("x"), IndexError("x"), RecursionError("x")])
def test_every_error_while_composing_is_permanent(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(composing, "_body", fail)
    with pytest.raises(Undeliverable, match=type(error).__name__):
        compose(MESSAGE, SENDER, NOW)


async def test_a_job_whose_mail_cannot_be_composed_is_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise HeaderParseError("a header")

    monkeypatch.setattr(composing, "_body", fail)
    mail = MailService(
        EmlMailSender(tmp_path, SENDER, lambda: NOW), JinjaTemplates(), "jubilee.test"
    )
    harness, kind = JobHarness(), SendMail(mail)
    job = harness.add(kind=kind.name, data={"to": MESSAGE.to, "subject": "Hi", "text": "Hi"})
    assert await harness.runner_of(JobKinds([kind])).run(job.reference) is Outcome.DEAD
    assert (job.status, job.attempts, job.error) == (
        "dead",
        1,
        {"code": "undeliverable", "message": "the message cannot be built: HeaderParseError"},
    )


WRITTEN = compose(MESSAGE, SENDER, NOW).content


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"To: zoe@example.com", b"To: zoe@example.com\r\nBcc: e@e.ex"),
        (b"To: zoe@example.com", b"To: zoe@example.com, e@e.ex"),
        (b"To: zoe@example.com", b"To: zoe@example.com\r\nTo: e@e.ex"),
        (b"To: zoe@example.com", b"To: e@e.ex\r\nTo: zoe@example.com"),
        (b"To: zoe@example.com", b"to: zoe@example.com"),
        (b"Subject: Hi", b"Subject: Hi\r\nReply-To: e@e.ex"),
        (b"Subject: Hi", b"Subject: =?utf-8?q?Ho?="),
        (b"Subject: Hi", b"Subject: Hi\r\n\r\nHello"),
        (b"Subject: Hi", b"Subject: Hi\nBcc: e@e.ex"),
        (b"jubilee@jubilee.test>", b"e@e.ex>"),
        (b"<1@jubilee.test>", b"<2@jubilee.test>"),
        (b"Hello", b"\n.\n"),
        (b"Hello", b"x" * 999),
    ],
)
def test_the_second_parser_detects_changed_headers(before: bytes, after: bytes) -> None:
    recipient = composing._address(MESSAGE.to)
    check_written(WRITTEN, MESSAGE, SENDER, recipient)
    assert before in WRITTEN
    with pytest.raises(ValueError, match=r"."):
        check_written(WRITTEN.replace(before, after, 1), MESSAGE, SENDER, recipient)


@pytest.mark.parametrize("sender", [f"{BCC} <a@b.test>", f"{TWO}@b.test", "Z\u202e <a@b.test>"])
def test_an_encoded_sender_is_refused(sender: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_sender(sender)


@pytest.mark.parametrize("name", ["Jubilee, Inc.", 'The "J"', "Jübilee, Inc.", "Grüße " * 30, ""])
def test_a_sender_may_have_any_name(name: str) -> None:
    sender = Address(name.strip(), "a", "b.test")
    mail = message_from_bytes(compose(MESSAGE, sender, NOW).content)
    found, address = parseaddr(mail["From"])
    assert (str(make_header(decode_header(found))), address) == (name.strip(), "a@b.test")


def test_a_greeting_can_be_unsubscribed_by_one_click_where_the_service_has_https() -> None:
    url = "https://jubilee.test/account/unsubscribe?token=x"
    mail = message_from_bytes(compose(replace(MESSAGE, unsubscribe_url=url), SENDER, NOW).content)
    assert mail["List-Unsubscribe"] == f"<{url}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain = replace(MESSAGE, unsubscribe_url="http://localhost:8000/account/unsubscribe?token=x")
    assert message_from_bytes(compose(plain, SENDER, NOW).content)["List-Unsubscribe"] is None


def test_an_unsubscribe_url_cannot_add_headers() -> None:
    url = "https://jubilee.test/\r\nBcc: e@e.ex"
    with pytest.raises(Undeliverable):
        compose(replace(MESSAGE, unsubscribe_url=url), SENDER, NOW)
