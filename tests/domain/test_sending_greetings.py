"""A greeting is sent once, as far as anybody can know."""

from datetime import UTC, date, datetime, timedelta

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.greetings.greeting import (
    GreetingRules,
    GreetingState,
    NotSentReason,
    UnknownOutcomePolicy,
)
from jubilee.domain.greetings.sending import GreetingMail
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.kinds import InvalidPayload
from jubilee.domain.jobs.store import LeaseLost
from jubilee.domain.mail import MailService, OutcomeUnknown, Undeliverable
from tests.domain.greeting_work import Mailbox, PlainTemplates, Work
from tests.fakes.store import FakeStore, fresh_id

BORN = date(1990, 11, 20)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RESEND = GreetingRules(on_unknown=UnknownOutcomePolicy.RESEND)
PLANNED, SENDING, SENT, UNCERTAIN, SKIPPED = GreetingState


@pytest.fixture
def work(store: FakeStore) -> Work:
    return Work(store)


@pytest.fixture
async def zoe(work: Work) -> UserId:
    """Somebody whose greeting is planned."""
    zoe = await work.born(BORN, full_name="Zoë")
    await work.plan(NOON)
    return zoe


async def lose_the_end(work: Work, zoe: UserId) -> None:
    """The mail goes out, and the worker dies before it can say so."""
    work.lost = LeaseLost()
    with pytest.raises(LeaseLost):
        await work.send(zoe)
    work.lost = None
    assert work.greeting(zoe).state is SENDING


async def test_the_greeting_is_sent_and_kept_as_sent(work: Work, zoe: UserId) -> None:
    await work.send(zoe)
    (message,) = work.mailbox.sent
    assert (message.to, message.text) == (f"{zoe}@example.com", "birthday Zoë")
    assert message.message_id == f"<greeting.{zoe}.2026@example.com>"
    row = work.greeting(zoe)
    assert (row.state, row.message_id, row.sent_at) == (SENT, message.message_id, NOON)
    assert work.results == [{"state": "sent", "message_id": message.message_id}]


async def test_what_has_ended_is_not_sent_again(work: Work, zoe: UserId) -> None:
    for _ in range(2):
        await work.send(zoe)
    await work.send(UserId(fresh_id()))
    assert len(work.mailbox.sent) == 1


async def test_an_unknown_outcome_is_parked(work: Work, zoe: UserId) -> None:
    await lose_the_end(work, zoe)
    await work.send(zoe)
    assert (work.greeting(zoe).state, len(work.mailbox.sent)) == (UNCERTAIN, 1)


async def test_an_unknown_outcome_is_sent_again_under_the_same_id_where_wished(
    work: Work, zoe: UserId
) -> None:
    work.rules = RESEND
    await lose_the_end(work, zoe)
    work.domain = "moved.example"
    await work.send(zoe)
    first, second = work.mailbox.sent
    assert first.message_id == second.message_id
    assert work.greeting(zoe).state is SENT


async def test_a_server_that_fell_silent_leaves_it_uncertain(work: Work, zoe: UserId) -> None:
    work.mailbox.refusals = [OutcomeUnknown("silence")]
    await work.send(zoe)
    assert (work.greeting(zoe).state, work.greeting(zoe).sent_at) == (UNCERTAIN, None)


async def test_a_server_that_fell_silent_is_asked_again_where_wished(
    work: Work, zoe: UserId
) -> None:
    work.rules = RESEND
    work.mailbox.refusals = [OutcomeUnknown("silence")]
    with pytest.raises(OutcomeUnknown):
        await work.send(zoe)
    await work.send(zoe)
    assert (work.greeting(zoe).state, len(work.mailbox.sent)) == (SENT, 1)


async def test_what_was_surely_not_taken_is_tried_again(work: Work, zoe: UserId) -> None:
    work.mailbox.refusals = [Unavailable("busy"), Unavailable("busy")]
    for _ in range(2):
        with pytest.raises(Unavailable):
            await work.send(zoe)
        assert work.greeting(zoe).state is PLANNED
    await work.send(zoe)
    assert (work.greeting(zoe).state, len(work.mailbox.sent)) == (SENT, 1)


async def test_a_mailbox_that_does_not_exist_ends_it(work: Work, zoe: UserId) -> None:
    work.mailbox.refusals = [Undeliverable("nobody")]
    await work.send(zoe)
    row = work.greeting(zoe)
    assert (row.state, row.reason) == (SKIPPED, NotSentReason.REFUSED)
    assert work.results == [{"state": "skipped", "message_id": row.message_id, "reason": "refused"}]


@pytest.mark.parametrize(
    "change",
    [
        {"birthday_greeting": False},
        {"is_active": False},
        {"date_of_birth": None},
        {"date_of_birth": date(1990, 11, 21)},
    ],
)
async def test_who_has_changed_their_mind_is_not_greeted(
    work: Work, zoe: UserId, change: dict[str, object]
) -> None:
    await work.change(zoe, **change)
    await work.send(zoe)
    assert work.mailbox.sent == []
    assert (work.greeting(zoe).state, work.greeting(zoe).reason) == (
        SKIPPED,
        NotSentReason.UNWANTED,
    )


async def test_a_changed_mind_does_not_make_the_unknown_known(work: Work, zoe: UserId) -> None:
    work.rules = RESEND
    await lose_the_end(work, zoe)
    await work.change(zoe, birthday_greeting=False)
    await work.send(zoe)
    assert (work.greeting(zoe).state, len(work.mailbox.sent)) == (UNCERTAIN, 1)


async def test_a_day_later_it_is_too_late(work: Work, zoe: UserId) -> None:
    due = work.greeting(zoe).due_at
    work.store.clock.now = due + timedelta(days=1)
    await work.send(zoe)
    assert work.mailbox.sent == []
    assert (work.greeting(zoe).state, work.greeting(zoe).reason) == (SKIPPED, NotSentReason.LATE)


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({}, "/data/year"),
        ({"year": True, "user_id": str(fresh_id())}, "/data/year"),
        ({"year": 2026}, "/data/user_id"),
        ({"year": 2026, "user_id": "zoe"}, "/data/user_id"),
        ({"year": 2026, "user_id": str(fresh_id()), "to": "eve"}, "/data/to"),
    ],
)
def test_a_payload_names_a_person_and_a_year(
    store: FakeStore, data: dict[str, object], pointer: str
) -> None:
    post = MailService(Mailbox(), PlainTemplates(), "example.com")
    kind = GreetingMail(post, store.transaction, GreetingRules(), store.clock)
    with pytest.raises(InvalidPayload) as caught:
        kind.read(data)
    assert caught.value.pointer == pointer
