"""A greeting that changed or was deleted while the mail server refused it."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.greetings.greeting import GreetingState
from jubilee.domain.identity import UserId
from jubilee.domain.mail import MailMessage
from tests.domain.greeting_harness import GreetingHarness, Mailbox
from tests.fakes.store import FakeStore

BORN = date(1990, 11, 20)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ENDED = [GreetingState.SENT, GreetingState.UNCERTAIN, GreetingState.SKIPPED]


class RefusingMailbox(Mailbox):
    """Change the greeting's state (or delete it when None), then refuse the message."""

    def __init__(self, store: FakeStore, state: GreetingState | None) -> None:
        super().__init__()
        self._store, self._state = store, state

    async def send(self, message: MailMessage) -> None:
        for key, row in list(self._store.greetings.rows.items()):
            if self._state is None:
                del self._store.greetings.rows[key]
            else:
                self._store.greetings.rows[key] = replace(row, state=self._state)
        raise Unavailable("busy")


@pytest.fixture
def harness(store: FakeStore) -> GreetingHarness:
    return GreetingHarness(store)


@pytest.fixture
async def zoe(harness: GreetingHarness) -> UserId:
    zoe = await harness.add_person(BORN)
    await harness.plan(NOON)
    return zoe


@pytest.mark.parametrize("state", ENDED)
async def test_a_greeting_that_ended_during_the_attempt_keeps_its_state(
    harness: GreetingHarness, zoe: UserId, store: FakeStore, state: GreetingState
) -> None:
    harness.mailbox = RefusingMailbox(store, state)
    with pytest.raises(Unavailable):
        await harness.send(zoe)
    assert harness.greeting(zoe).state is state


async def test_a_greeting_deleted_during_the_attempt_stays_deleted(
    harness: GreetingHarness, zoe: UserId, store: FakeStore
) -> None:
    harness.mailbox = RefusingMailbox(store, None)
    with pytest.raises(Unavailable):
        await harness.send(zoe)
    assert store.greetings.rows == {}
