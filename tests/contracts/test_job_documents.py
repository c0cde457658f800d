"""What kinds of work say, as `jsonb` takes it; and what producers say, as Python reads it."""

import asyncio
import json
import math
from types import MappingProxyType
from typing import Any

import pytest

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.jobs.store import AttemptFailure
from tests.contracts.job_tables import InPostgres, claimed, in_postgres, shown
from tests.fakes.store import FakeClock


@pytest.fixture
def table(pool: ConnectionPool, clock: FakeClock) -> InPostgres:
    return in_postgres(pool, clock)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a\0b", "a\ufffdb"),
        ("\\u0000", "\\u0000"),
        ("\ud83d\ude00", "\U0001f600"),
        ("half \ud800", "half \ufffd"),
        ("\x1b[0m\x7f", "\x1b[0m\x7f"),
        ({"a\0": [("\0",)]}, {"a\ufffd": [["\ufffd"]]}),
        ([math.nan, -math.inf, 1.5], [None, None, 1.5]),
        ({1: True, None: 1.5}, {"1": True, "null": 1.5}),
    ],
)
async def test_whatever_a_kind_says_can_be_kept(table: InPostgres, said: Any, kept: Any) -> None:
    job = await claimed(table, await table.add())
    await table.store.save_progress(job.reference, {"said": said})
    await table.store.fail(job.reference, AttemptFailure(error={"said": said}, retry_in=0))
    again = await claimed(table, job.reference)
    row = await shown(table, job.reference)
    assert row["error"] == row["progress"] == {"said": kept}
    async with table.open_completion(again.reference, MappingProxyType({"said": said})):
        pass
    assert (await shown(table, job.reference))["result"] == {"said": kept}


@pytest.mark.parametrize("piece", ["x", '"', "\\", "\n", "ü", "\U0001f600", "\0", "\ud800"])
@pytest.mark.parametrize("length", [70_000, 65_536])
async def test_what_is_too_long_is_cut(table: InPostgres, piece: str, length: int) -> None:
    job = await claimed(table, await table.add())
    async with table.open_completion(job.reference, {"text": piece * length}):
        pass
    result = (await shown(table, job.reference))["result"]
    assert set(result) == {"truncated"}
    assert result["truncated"].startswith('{"text": "')
    assert len(json.dumps(result, ensure_ascii=False).encode()) <= 65_536


async def test_64_kib_are_not_too_long(table: InPostgres) -> None:
    job = await claimed(table, await table.add())
    result = {"text": "ü" * ((65_536 - len('{"text": ""}')) // 2)}
    async with table.open_completion(job.reference, result):
        pass
    assert (await shown(table, job.reference))["result"] == result


@pytest.mark.parametrize("result", [{"no": object()}, {("a",): 1}, {"huge": 10**5000}])
async def test_what_is_no_json_does_not_end_the_job(table: InPostgres, result: Any) -> None:
    job = await claimed(table, await table.add())
    with pytest.raises((TypeError, ValueError)):
        async with table.open_completion(job.reference, result):
            pass
    assert (await shown(table, job.reference))["status"] == "running"


@pytest.mark.parametrize(
    "data", ["[" * 3000 + "]" * 3000, '{"n": 1' + "0" * 6000 + "}", "[1]", '"text"', "null"]
)
async def test_data_that_nobody_can_read_harm_no_other_job(table: InPostgres, data: str) -> None:
    poison, other = await table.add(data=data), await table.add(data='{"n": 1}')
    jobs = await asyncio.gather(*(table.store.claim(r) for r in (other, poison, other)))
    assert [None if job is None else job.data for job in jobs] == [{"n": 1}, None, None]
    assert [job is None for job in jobs] == [False, False, True]
