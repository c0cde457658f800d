"""Sending greetings: once, or an explicit unknown outcome."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from jubilee.adapters.ids import new_id
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
from tests.domain.greeting_harness import OPT_OUT, GreetingHarness, Mailbox, PlainTemplates
from tests.fakes.store import FakeStore

BORN = date(1990, 11, 20)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RESEND = GreetingRules(on_unknown=UnknownOutcomePolicy.RESEND)
PLANNED, SENDING, SENT, UNCERTAIN, SKIPPED = GreetingState


@pytest.fixture
def harness(store: FakeStore) -> GreetingHarness:
    return GreetingHarness(store)


@pytest.fixture
async def zoe(harness: GreetingHarness) -> UserId:
    """An account whose greeting is planned."""
    zoe = await harness.add_person(BORN, full_name="Zoë")
    await harness.plan(NOON)
    return zoe


async def send_without_completion(harness: GreetingHarness, zoe: UserId) -> None:
    """Send the mail, but lose the lease before the job completes."""
    harness.completion_error = LeaseLost()
    with pytest.raises(LeaseLost):
        await harness.send(zoe)
    harness.completion_error = None
    assert harness.greeting(zoe).state is SENDING


async def test_a_greeting_is_sent_and_recorded(harness: GreetingHarness, zoe: UserId) -> None:
    await harness.send(zoe)
    (message,) = harness.mailbox.sent
    assert (message.to, message.text) == (f"{zoe}@example.com", "birthday Zoë")
    assert message.message_id == f"<greeting.{zoe}.2026@example.com>"
    row = harness.greeting(zoe)
    assert (row.state, row.message_id, row.sent_at) == (SENT, message.message_id, NOON)
    assert harness.results == [{"state": "sent", "message_id": message.message_id}]


async def test_a_sent_or_unknown_greeting_is_not_sent_again(
    harness: GreetingHarness, zoe: UserId
) -> None:
    for _ in range(2):
        await harness.send(zoe)
    await harness.send(UserId(new_id()))
    assert len(harness.mailbox.sent) == 1


async def test_a_greeting_of_unknown_outcome_becomes_uncertain(
    harness: GreetingHarness, zoe: UserId
) -> None:
    await send_without_completion(harness, zoe)
    await harness.send(zoe)
    assert (harness.greeting(zoe).state, len(harness.mailbox.sent)) == (UNCERTAIN, 1)


async def test_policy_resend_repeats_an_unknown_outcome_under_the_same_message_id(
    harness: GreetingHarness, zoe: UserId
) -> None:
    harness.rules = RESEND
    await send_without_completion(harness, zoe)
    harness.domain = "moved.example"
    await harness.send(zoe)
    first, second = harness.mailbox.sent
    assert first.message_id == second.message_id
    assert harness.greeting(zoe).state is SENT


async def test_a_mail_server_that_stops_answering_leaves_the_greeting_uncertain(
    harness: GreetingHarness, zoe: UserId
) -> None:
    harness.mailbox.refusals = [OutcomeUnknown("silence")]
    await harness.send(zoe)
    assert (harness.greeting(zoe).state, harness.greeting(zoe).sent_at) == (UNCERTAIN, None)


async def test_policy_resend_retries_a_mail_server_that_stopped_answering(
    harness: GreetingHarness, zoe: UserId
) -> None:
    harness.rules = RESEND
    harness.mailbox.refusals = [OutcomeUnknown("silence")]
    with pytest.raises(OutcomeUnknown):
        await harness.send(zoe)
    await harness.send(zoe)
    assert (harness.greeting(zoe).state, len(harness.mailbox.sent)) == (SENT, 1)


async def test_a_message_that_was_surely_not_accepted_is_retried(
    harness: GreetingHarness, zoe: UserId
) -> None:
    harness.mailbox.refusals = [Unavailable("busy"), Unavailable("busy")]
    for _ in range(2):
        with pytest.raises(Unavailable):
            await harness.send(zoe)
        assert harness.greeting(zoe).state is PLANNED
    await harness.send(zoe)
    assert (harness.greeting(zoe).state, len(harness.mailbox.sent)) == (SENT, 1)


async def test_a_missing_mailbox_skips_the_greeting(harness: GreetingHarness, zoe: UserId) -> None:
    harness.mailbox.refusals = [Undeliverable("no such mailbox")]
    await harness.send(zoe)
    row = harness.greeting(zoe)
    assert (row.state, row.reason) == (SKIPPED, NotSentReason.REFUSED)
    assert harness.results == [
        {"state": "skipped", "message_id": row.message_id, "reason": "refused"}
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"birthday_greeting": False},
        {"is_active": False},
        {"date_of_birth": None},
        {"date_of_birth": date(1990, 11, 21)},
    ],
)
async def test_a_greeting_is_skipped_after_its_account_changed(
    harness: GreetingHarness, zoe: UserId, change: dict[str, object]
) -> None:
    await harness.change(zoe, **change)
    await harness.send(zoe)
    assert harness.mailbox.sent == []
    assert (harness.greeting(zoe).state, harness.greeting(zoe).reason) == (
        SKIPPED,
        NotSentReason.UNWANTED,
    )


async def test_an_unknown_outcome_stays_uncertain_after_its_account_changed(
    harness: GreetingHarness, zoe: UserId
) -> None:
    harness.rules = RESEND
    await send_without_completion(harness, zoe)
    await harness.change(zoe, birthday_greeting=False)
    await harness.send(zoe)
    assert (harness.greeting(zoe).state, len(harness.mailbox.sent)) == (UNCERTAIN, 1)


async def test_a_greeting_a_day_late_is_skipped(harness: GreetingHarness, zoe: UserId) -> None:
    due = harness.greeting(zoe).due_at
    harness.store.clock.now = due + timedelta(days=1)
    await harness.send(zoe)
    assert harness.mailbox.sent == []
    assert (harness.greeting(zoe).state, harness.greeting(zoe).reason) == (
        SKIPPED,
        NotSentReason.LATE,
    )


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({}, "/data/year"),
        ({"year": True, "user_id": str(new_id())}, "/data/year"),
        ({"year": 2026}, "/data/user_id"),
        ({"year": 2026, "user_id": "zoe"}, "/data/user_id"),
        ({"year": 2026, "user_id": str(new_id()), "to": "eve"}, "/data/to"),
    ],
)
def test_a_greeting_payload_needs_an_account_and_a_year(
    store: FakeStore, data: dict[str, object], pointer: str
) -> None:
    mail = MailService(Mailbox(), PlainTemplates(), "example.com")
    kind = GreetingMail(mail, store.transaction, GreetingRules(), store.clock, OPT_OUT)
    with pytest.raises(InvalidPayload) as caught:
        kind.read(data)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    ("state", "ended"),
    [
        (PLANNED, SKIPPED),
        (SENDING, UNCERTAIN),
        (SENT, SENT),
        (UNCERTAIN, UNCERTAIN),
        (SKIPPED, SKIPPED),
    ],
)
async def test_a_cancelled_job_ends_its_greeting_as_far_as_is_known(
    harness: GreetingHarness, zoe: UserId, state: GreetingState, ended: GreetingState
) -> None:
    key = harness.greeting(zoe).key
    harness.store.greetings.rows[key] = replace(harness.greeting(zoe), state=state)
    for user_id in (zoe, UserId(new_id())):
        await harness.close({"user_id": str(user_id), "year": 2026})
    assert harness.greeting(zoe).state is ended
    is_skipped_now = state is PLANNED
    assert harness.greeting(zoe).reason is (NotSentReason.UNWANTED if is_skipped_now else None)


async def test_a_cancelled_job_with_an_invalid_payload_ends_no_greeting(
    harness: GreetingHarness, zoe: UserId
) -> None:
    await harness.close({"user_id": "zoe", "year": 2026})
    assert harness.greeting(zoe).state is PLANNED
