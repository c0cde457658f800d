"""Uses of sessions, noted by requests and written later."""

from collections.abc import Collection

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.auth import sightings
from jubilee.domain.auth.sightings import SessionSightings, SightingStore
from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import SessionId


class FakeSightings(SightingStore):
    def __init__(self) -> None:
        self.saved: list[list[SessionId]] = []
        self.is_away = False

    async def save(self, session_ids: Collection[SessionId]) -> None:
        if self.is_away:
            raise Unavailable
        self.saved.append(sorted(session_ids))


@pytest.fixture
def store() -> FakeSightings:
    return FakeSightings()


def ids(number: int) -> list[SessionId]:
    return sorted(SessionId(new_id()) for _ in range(number))


async def test_a_session_that_many_requests_use_is_written_once(store: FakeSightings) -> None:
    noted, (used,) = SessionSightings(store), ids(1)
    for _ in range(3):
        noted.note(used)
    assert store.saved == []
    await noted.flush()
    await noted.flush()
    assert store.saved == [[used]]


async def test_many_sessions_are_written_in_batches(
    store: FakeSightings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sightings, "BATCH_SIZE", 2)
    monkeypatch.setattr(sightings, "MAX_NOTED", 5)
    noted, used = SessionSightings(store), ids(7)
    for each in used:
        noted.note(each)
    await noted.flush()
    assert [len(batch) for batch in store.saved] == [2, 2, 1]
    assert sorted(each for batch in store.saved for each in batch) == used[:5]


async def test_an_outage_loses_what_was_noted_and_nothing_more(store: FakeSightings) -> None:
    noted, (first, second) = SessionSightings(store), ids(2)
    noted.note(first)
    store.is_away = True
    with pytest.raises(Unavailable):
        await noted.flush()
    store.is_away = False
    noted.note(second)
    await noted.flush()
    assert store.saved == [[second]]
