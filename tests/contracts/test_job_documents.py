"""Documents of jobs: writing any JSON to `jsonb`, and reading any `jsonb`."""

import asyncio
import json
import math
from types import MappingProxyType
from typing import Any

import pytest

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.jobs.store import AttemptFailure
from tests.contracts.job_tables import PostgresJobTable, claim, make_postgres_job_table, read_row
from tests.fakes.store import FakeClock


@pytest.fixture
def table(pool: ConnectionPool, clock: FakeClock) -> PostgresJobTable:
    return make_postgres_job_table(pool, clock)


@pytest.mark.parametrize(
    ("document", "stored"),
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
async def test_documents_that_jsonb_cannot_hold_are_stored_in_a_legal_form(
    table: PostgresJobTable, document: Any, stored: Any
) -> None:
    job = await claim(table, await table.add())
    await table.store.save_progress(job.reference, {"value": document})
    await table.store.fail(job.reference, AttemptFailure(error={"value": document}, retry_in=0))
    again = await claim(table, job.reference)
    row = await read_row(table, job.reference)
    assert row["error"] == row["progress"] == {"value": stored}
    async with table.open_completion(again.reference, MappingProxyType({"value": document})):
        pass
    assert (await read_row(table, job.reference))["result"] == {"value": stored}


@pytest.mark.parametrize("piece", ["x", '"', "\\", "\n", "ü", "\U0001f600", "\0", "\ud800"])
@pytest.mark.parametrize("length", [70_000, 65_536])
async def test_a_result_beyond_64_kib_is_truncated(
    table: PostgresJobTable, piece: str, length: int
) -> None:
    job = await claim(table, await table.add())
    async with table.open_completion(job.reference, {"text": piece * length}):
        pass
    result = (await read_row(table, job.reference))["result"]
    assert set(result) == {"truncated"}
    assert result["truncated"].startswith('{"text": "')
    assert len(json.dumps(result, ensure_ascii=False).encode()) <= 65_536


async def test_a_result_of_64_kib_is_stored_whole(table: PostgresJobTable) -> None:
    job = await claim(table, await table.add())
    result = {"text": "ü" * ((65_536 - len('{"text": ""}')) // 2)}
    async with table.open_completion(job.reference, result):
        pass
    assert (await read_row(table, job.reference))["result"] == result


@pytest.mark.parametrize("result", [{"no": object()}, {("a",): 1}, {"huge": 10**5000}])
async def test_a_result_that_is_not_json_does_not_complete_the_job(
    table: PostgresJobTable, result: Any
) -> None:
    job = await claim(table, await table.add())
    with pytest.raises((TypeError, ValueError)):
        async with table.open_completion(job.reference, result):
            pass
    assert (await read_row(table, job.reference))["status"] == "running"


@pytest.mark.parametrize(
    "data", ["[" * 3000 + "]" * 3000, '{"n": 1' + "0" * 6000 + "}", "[1]", '"text"', "null"]
)
async def test_an_unreadable_payload_does_not_affect_other_claims(
    table: PostgresJobTable, data: str
) -> None:
    poison, other = await table.add(data=data), await table.add(data='{"n": 1}')
    jobs = await asyncio.gather(*(table.store.claim(r) for r in (other, poison, other)))
    assert [None if job is None else job.data for job in jobs] == [{"n": 1}, None, None]
    assert [job is None for job in jobs] == [False, False, True]
