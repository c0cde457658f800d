"""Kinds of mail: their payloads, and one message per job."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.mail.none import NoMailSender
from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import InvalidPayload, PermanentFailure
from jubilee.domain.mail import MailMessage, SendMail, WelcomeMail, display_name
from tests.conftest import SignUp
from tests.fakes.job_contexts import JOB, RecordedCompletions, job_context
from tests.fakes.mail import FakeMailSender, fake_mail_service
from tests.fakes.store import FakeStore

PAYLOAD: dict[str, object] = {"to": "zoe@example.com", "subject": "Hello", "text": "How are you?"}
MESSAGE_ID = f"<{JOB}@jubilee.test>"


@pytest.fixture
def mailer() -> FakeMailSender:
    return FakeMailSender()


@pytest.fixture
def send_mail(mailer: FakeMailSender) -> SendMail:
    return SendMail(fake_mail_service(mailer))


@pytest.fixture
def welcome(mailer: FakeMailSender, store: FakeStore) -> WelcomeMail:
    return WelcomeMail(fake_mail_service(mailer), store.view)


async def test_a_message_is_sent_as_written(send_mail: SendMail, mailer: FakeMailSender) -> None:
    completions = RecordedCompletions()
    payload = send_mail.read({**PAYLOAD, "html": "<p>How are you?</p>"})
    await send_mail.run(job_context(payload), completions.complete)
    assert mailer.sent == [
        MailMessage(
            to="zoe@example.com",
            subject="Hello",
            text="How are you?",
            html="<p>How are you?</p>",
            message_id=MESSAGE_ID,
        )
    ]
    assert completions.results == [{"message_id": MESSAGE_ID}]


async def test_a_refused_message_does_not_complete_the_job(
    send_mail: SendMail, mailer: FakeMailSender
) -> None:
    completions, mailer.broken = RecordedCompletions(), Unavailable()
    with pytest.raises(Unavailable):
        await send_mail.run(job_context(send_mail.read(PAYLOAD)), completions.complete)
    assert not completions.results


async def test_every_attempt_uses_the_same_message_id(
    send_mail: SendMail, mailer: FakeMailSender
) -> None:
    for _ in range(2):
        await send_mail.run(job_context(send_mail.read(PAYLOAD)), RecordedCompletions().complete)
    assert [message.message_id for message in mailer.sent] == [MESSAGE_ID] * 2


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"to": None}, "/data/to"),
        ({"to": ""}, "/data/to"),
        ({"to": "zoe"}, "/data/to"),
        ({"to": "a@example.com, b@example.com"}, "/data/to"),
        ({"to": "Zoe <zoe@example.com>"}, "/data/to"),
        ({"to": "zoe@example.com\r\nBcc: eve@example.com"}, "/data/to"),
        ({"to": "zoe @example.com"}, "/data/to"),
        ({"to": "zoe\u2028@example.com"}, "/data/to"),
        ({"to": "zoe@-example.com"}, "/data/to"),
        ({"to": "zoe@[127.0.0.1]"}, "/data/to"),
        ({"to": f"{'z' * 65}@example.com"}, "/data/to"),
        ({"to": f"{'é' * 33}@example.com"}, "/data/to"),
        ({"to": "=?utf-8?Q?evil=40evil.example=2C?=@example.com"}, "/data/to"),
        ({"subject": "=?utf-8?Q?x=0D=0ABcc=3A_evil=40evil.example?="}, "/data/subject"),
        ({"subject": "Hi\u202e"}, "/data/subject"),
        ({"text": "a\x1b[2J"}, "/data/text"),
        ({"html": "\u202e"}, "/data/html"),
        ({"to": f"zoe@{'a.' * 130}com"}, "/data/to"),
        ({"subject": "Hello\nBcc: eve@example.com"}, "/data/subject"),
        ({"subject": "Hello\rBcc: eve@example.com"}, "/data/subject"),
        ({"subject": ""}, "/data/subject"),
        ({"subject": "x" * 251}, "/data/subject"),
        ({"subject": 7}, "/data/subject"),
        ({"text": ""}, "/data/text"),
        ({"text": "\ud800"}, "/data/text"),
        ({"html": None}, "/data/html"),
        ({"bcc": "eve@example.com"}, "/data/bcc"),
        ({"a/b~c": 1}, "/data/a~1b~0c"),
    ],
)
def test_an_invalid_member_is_refused_by_its_pointer(
    send_mail: SendMail, changes: Mapping[str, object], pointer: str
) -> None:
    with pytest.raises(InvalidPayload) as refused:
        send_mail.read({**PAYLOAD, **changes})
    assert refused.value.pointer == pointer


@pytest.mark.parametrize("name", ["to", "subject", "text"])
def test_a_missing_member_is_named(send_mail: SendMail, name: str) -> None:
    with pytest.raises(InvalidPayload) as refused:
        send_mail.read({key: value for key, value in PAYLOAD.items() if key != name})
    assert refused.value.pointer == f"/data/{name}"


@pytest.mark.parametrize(
    "address",
    [
        "o'neill+tag@mail.example.co.uk",
        "root@localhost",
        "zoë@bücher.example",
        "zoe@उदाहरण.example",
        f"{'é' * 32}@example.com",
        "a=b?c@example.com",
    ],
)
def test_unusual_but_valid_addresses_are_accepted(send_mail: SendMail, address: str) -> None:
    assert send_mail.read({**PAYLOAD, "to": address}).to == address


async def test_the_welcome_mail_addresses_the_account_by_name(
    welcome: WelcomeMail, mailer: FakeMailSender, store: FakeStore, sign_up: SignUp
) -> None:
    await sign_up("zoe", full_name="Zoe Quill")
    job = store.jobs[-1]
    assert job.kind == welcome.name
    await welcome.run(job_context(welcome.read(job.data)), RecordedCompletions().complete)
    assert [(m.to, m.subject, m.message_id) for m in mailer.sent] == [
        ("zoe@example.com", "welcome", MESSAGE_ID)
    ]
    assert mailer.sent[0].text == "email=zoe@example.com name=Zoe Quill"


@pytest.mark.parametrize(
    ("full_name", "expected"),
    [
        ("Zoe Quill", "Zoe Quill"),
        ("J.R. Quill Jr.", "J.R. Quill Jr."),
        ("Win at evil.example", ""),
        ("https://evil.example/x", ""),
        ("mail eve@evil", ""),
        ("Win at evil\uff0eexample", ""),
        ("Win at evil\u3002example", ""),
        (None, "zoe"),
    ],
)
async def test_a_full_name_that_looks_like_a_link_is_left_out(
    sign_up: SignUp, full_name: str | None, expected: str
) -> None:
    person = await sign_up("zoe", full_name=full_name)
    assert display_name(person.user) == expected


async def test_a_deleted_account_gets_no_welcome_mail(
    welcome: WelcomeMail, mailer: FakeMailSender
) -> None:
    with pytest.raises(PermanentFailure, match="deleted"):
        await welcome.run(job_context(UserId(new_id())), RecordedCompletions().complete)
    assert not mailer.sent


@pytest.mark.parametrize("data", [{}, {"user_id": "zoe"}, {"user_id": None}])
def test_a_welcome_payload_needs_an_account_id(
    welcome: WelcomeMail, data: Mapping[str, object]
) -> None:
    with pytest.raises(InvalidPayload) as refused:
        welcome.read(data)
    assert refused.value.pointer == "/data/user_id"


async def test_a_mail_job_fails_while_no_mailer_is_configured(send_mail: SendMail) -> None:
    kind = SendMail(fake_mail_service(NoMailSender()))
    with pytest.raises(Unavailable, match="not configured"):
        await kind.run(job_context(send_mail.read(PAYLOAD)), RecordedCompletions().complete)


@pytest.mark.parametrize("name", ["=?utf-8?Q?x=0D=0ABcc=3A_evil=40evil.example?=", "Zoe\u202e"])
async def test_a_stored_name_that_breaks_the_name_rule_is_left_out(
    sign_up: SignUp, name: str
) -> None:
    person = await sign_up("zoe")
    assert display_name(replace(person.user, full_name=name)) == ""


@pytest.mark.parametrize(
    ("public_url", "page"), [("", ""), ("https://b.example", "https://b.example/reset?token=t")]
)
def test_a_page_has_an_address_where_the_service_has_one(public_url: str, page: str) -> None:
    mail = replace(fake_mail_service(FakeMailSender()), public_url=public_url)
    assert mail.page("/reset", "t") == page
