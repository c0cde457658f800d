"""Kinds of mail: what may be asked for, and that each job has one message."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from jubilee.adapters.mail.none import NoMailSender
from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import InvalidPayload, PermanentFailure
from jubilee.domain.mail import MailMessage, SendMail, WelcomeMail, display_name
from tests.conftest import SignUp
from tests.fakes.claimed_jobs import JOB, Ends, claimed
from tests.fakes.mail import FakeMailSender, fake_mail_service
from tests.fakes.store import FakeStore, fresh_id

LETTER: dict[str, object] = {"to": "zoe@example.com", "subject": "Hello", "text": "How are you?"}
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


async def test_a_message_goes_out_as_it_was_written(
    send_mail: SendMail, mailer: FakeMailSender
) -> None:
    ends = Ends()
    payload = send_mail.read({**LETTER, "html": "<p>How are you?</p>"})
    await send_mail.run(claimed(payload), ends.finish)
    assert mailer.sent == [
        MailMessage(
            to="zoe@example.com",
            subject="Hello",
            text="How are you?",
            html="<p>How are you?</p>",
            message_id=MESSAGE_ID,
        )
    ]
    assert ends.results == [{"message_id": MESSAGE_ID}]


async def test_a_message_that_was_not_taken_has_no_end(
    send_mail: SendMail, mailer: FakeMailSender
) -> None:
    ends, mailer.broken = Ends(), Unavailable()
    with pytest.raises(Unavailable):
        await send_mail.run(claimed(send_mail.read(LETTER)), ends.finish)
    assert not ends.results


async def test_the_second_attempt_has_the_message_id_of_the_first(
    send_mail: SendMail, mailer: FakeMailSender
) -> None:
    for _ in range(2):
        await send_mail.run(claimed(send_mail.read(LETTER)), Ends().finish)
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
def test_what_no_message_can_be_made_of_is_refused(
    send_mail: SendMail, changes: Mapping[str, object], pointer: str
) -> None:
    with pytest.raises(InvalidPayload) as refused:
        send_mail.read({**LETTER, **changes})
    assert refused.value.pointer == pointer


@pytest.mark.parametrize("name", ["to", "subject", "text"])
def test_what_is_missing_is_named(send_mail: SendMail, name: str) -> None:
    with pytest.raises(InvalidPayload) as refused:
        send_mail.read({key: value for key, value in LETTER.items() if key != name})
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
def test_addresses_of_every_kind_are_taken(send_mail: SendMail, address: str) -> None:
    assert send_mail.read({**LETTER, "to": address}).to == address


async def test_whoever_registers_is_welcomed_by_name(
    welcome: WelcomeMail, mailer: FakeMailSender, store: FakeStore, sign_up: SignUp
) -> None:
    await sign_up("zoe", full_name="Zoe Quill")
    job = store.jobs[-1]
    assert job.kind == welcome.name
    await welcome.run(claimed(welcome.read(job.data)), Ends().finish)
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
async def test_nobody_is_called_by_a_link(
    sign_up: SignUp, full_name: str | None, expected: str
) -> None:
    person = await sign_up("zoe", full_name=full_name)
    assert display_name(person.user) == expected


async def test_an_account_that_is_gone_is_not_welcomed(
    welcome: WelcomeMail, mailer: FakeMailSender
) -> None:
    with pytest.raises(PermanentFailure, match="deleted"):
        await welcome.run(claimed(UserId(fresh_id())), Ends().finish)
    assert not mailer.sent


@pytest.mark.parametrize("data", [{}, {"user_id": "zoe"}, {"user_id": None}])
def test_a_welcome_needs_an_account(welcome: WelcomeMail, data: Mapping[str, object]) -> None:
    with pytest.raises(InvalidPayload) as refused:
        welcome.read(data)
    assert refused.value.pointer == "/data/user_id"


async def test_without_a_mailer_nothing_is_taken(send_mail: SendMail) -> None:
    kind = SendMail(fake_mail_service(NoMailSender()))
    with pytest.raises(Unavailable, match="not configured"):
        await kind.run(claimed(send_mail.read(LETTER)), Ends().finish)


@pytest.mark.parametrize("name", ["=?utf-8?Q?x=0D=0ABcc=3A_evil=40evil.example?=", "Zoe\u202e"])
async def test_a_name_from_before_the_rule_for_names_is_left_out(
    sign_up: SignUp, name: str
) -> None:
    person = await sign_up("zoe")
    assert display_name(replace(person.user, full_name=name)) == ""
