"""The last uses of tokens and sessions are noted in memory and written together."""

import asyncio
from collections.abc import Collection
from dataclasses import replace

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.api_tokens.token import ApiTokenId
from jubilee.domain.errors import Unavailable
from jubilee.domain.last_uses import TOKEN_USES, LastUses, LastUseStore

ONE, OTHER = ApiTokenId(new_id()), ApiTokenId(new_id())


class Writes(LastUseStore[ApiTokenId]):
    """Collects the writes; the first ones may fail."""

    def __init__(self, failures: int = 0) -> None:
        self.seen: list[set[ApiTokenId]] = []
        self._failures = failures

    async def save(self, ids: Collection[ApiTokenId]) -> None:
        if len(self.seen) < self._failures:
            self.seen.append(set())
            raise Unavailable
        self.seen.append(set(ids))


async def test_the_uses_between_two_writes_are_written_once() -> None:
    writes = Writes()
    uses = LastUses(writes, TOKEN_USES)
    for token_id in (ONE, OTHER, ONE):
        uses.note(token_id)
    await uses.flush()
    await uses.flush()
    assert writes.seen == [{ONE, OTHER}]


async def test_no_more_than_the_maximum_is_noted() -> None:
    writes = Writes()
    uses = LastUses(writes, replace(TOKEN_USES, max_noted=1))
    uses.note(ONE)
    uses.note(OTHER)
    await uses.flush()
    assert writes.seen == [{ONE}]


async def test_many_uses_are_written_in_batches() -> None:
    writes = Writes()
    uses = LastUses(writes, replace(TOKEN_USES, batch_size=2))
    noted = {ApiTokenId(new_id()) for _ in range(5)}
    for token_id in noted:
        uses.note(token_id)
    await uses.flush()
    assert [len(batch) for batch in writes.seen] == [2, 2, 1]
    assert set().union(*writes.seen) == noted


async def test_an_outage_loses_what_was_noted_and_nothing_more() -> None:
    writes = Writes(failures=1)
    uses = LastUses(writes, TOKEN_USES)
    uses.note(ONE)
    with pytest.raises(Unavailable):
        await uses.flush()
    uses.note(OTHER)
    await uses.flush()
    assert writes.seen == [set(), {OTHER}]


async def test_an_outage_ends_nothing() -> None:
    writes = Writes(failures=1)
    uses = LastUses(writes, replace(TOKEN_USES, interval_s=0))
    running = asyncio.create_task(uses.run())
    async with asyncio.timeout(10):
        while {ONE} not in writes.seen:
            uses.note(ONE)
            await asyncio.sleep(0)
    running.cancel()
    assert writes.seen[0] == set()
