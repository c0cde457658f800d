"""Uses of sessions, noted by requests and written later."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import SessionId
from jubilee.domain.last_uses import SESSION_USES, LastUses, LastUseStore


class FakeSightings(LastUseStore[SessionId]):
    def __init__(self) -> None:
        self.saved: list[list[SessionId]] = []
        self.is_away = False

    async def save(self, ids: Collection[SessionId]) -> None:
        if self.is_away:
            raise Unavailable
        self.saved.append(sorted(ids))


@pytest.fixture
def store() -> FakeSightings:
    return FakeSightings()


def ids(number: int) -> list[SessionId]:
    return sorted(SessionId(new_id()) for _ in range(number))


async def test_a_session_that_many_requests_use_is_written_once(store: FakeSightings) -> None:
    noted, (used,) = LastUses(store, SESSION_USES), ids(1)
    for _ in range(3):
        noted.note(used)
    assert store.saved == []
    await noted.flush()
    await noted.flush()
    assert store.saved == [[used]]


async def test_many_sessions_are_written_in_batches(store: FakeSightings) -> None:
    limits = replace(SESSION_USES, max_noted=5, batch_size=2)
    noted, used = LastUses(store, limits), ids(7)
    for each in used:
        noted.note(each)
    await noted.flush()
    assert [len(batch) for batch in store.saved] == [2, 2, 1]
    assert sorted(each for batch in store.saved for each in batch) == used[:5]


async def test_an_outage_loses_what_was_noted_and_nothing_more(store: FakeSightings) -> None:
    noted, (first, second) = LastUses(store, SESSION_USES), ids(2)
    noted.note(first)
    store.is_away = True
    with pytest.raises(Unavailable):
        await noted.flush()
    store.is_away = False
    noted.note(second)
    await noted.flush()
    assert store.saved == [[second]]
