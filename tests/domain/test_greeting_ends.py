"""A greeting that was surely not sent, and what became of it while it was tried."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.greetings.greeting import GreetingState
from jubilee.domain.identity import UserId
from jubilee.domain.mail import MailMessage
from tests.domain.greeting_work import Mailbox, Work
from tests.fakes.store import FakeStore

BORN = date(1990, 11, 20)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ENDED = [GreetingState.SENT, GreetingState.UNCERTAIN, GreetingState.SKIPPED]


class RefusingMailbox(Mailbox):
    """Refuses each message; meanwhile the greeting gets another state, or goes."""

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
def work(store: FakeStore) -> Work:
    return Work(store)


@pytest.fixture
async def zoe(work: Work) -> UserId:
    zoe = await work.born(BORN)
    await work.plan(NOON)
    return zoe


@pytest.mark.parametrize("state", ENDED)
async def test_one_that_ended_meanwhile_is_not_planned_again(
    work: Work, zoe: UserId, store: FakeStore, state: GreetingState
) -> None:
    work.mailbox = RefusingMailbox(store, state)
    with pytest.raises(Unavailable):
        await work.send(zoe)
    assert work.greeting(zoe).state is state


async def test_one_that_went_meanwhile_stays_away(
    work: Work, zoe: UserId, store: FakeStore
) -> None:
    work.mailbox = RefusingMailbox(store, None)
    with pytest.raises(Unavailable):
        await work.send(zoe)
    assert store.greetings.rows == {}
