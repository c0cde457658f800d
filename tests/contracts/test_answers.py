"""Stored answers in PostgreSQL: statements, plans, jobs after the commit, retention."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jubilee.adapters.answer_cipher import AesAnswerCipher
from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres import answers, retention
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.retention import PostgresExpiredRows
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.idempotency.answers import Answer, KeyedRequest
from jubilee.domain.idempotency.commit import answered
from jubilee.domain.idempotency.service import IdempotencyService
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.store import Dispatch
from jubilee.domain.retention import ANSWERS_KEPT, ExpiringData, Retention
from jubilee.domain.services import Services
from jubilee.domain.users.user import Profile
from jubilee.observation.storage import NoPoolObserver, StatementInfo
from tests.conftest import PASSWORD
from tests.contracts.accounts import NOW
from tests.contracts.conftest import Database
from tests.fakes.passwords import FakePasswordHasher

REQUEST = KeyedRequest(scope="zoe POST /items", key="k-1", fingerprint=b"body")
ID = b"i" * 32
ROWS = """
    INSERT INTO idempotency_keys
    SELECT sha256(n::text::bytea), gen_random_uuid(), 'x', now() - n * interval '1 hour'
    FROM generate_series(0, 2999) AS n;
    ANALYZE;
    SET enable_seqscan = off
"""
PLANS: list[tuple[str, Statement, dict[str, object]]] = [
    ("pk_idempotency_keys", answers.FIND, {"id": ID}),
    ("pk_idempotency_keys", answers.CLAIM, {"id": ID, "lock": 1}),
    ("ix_idempotency_keys_account_id", answers.DELETE_ABOUT, {"account": new_id()}),
    (
        "ix_idempotency_keys_created_at",
        retention.DELETE[ExpiringData.ANSWERS],
        {"kept": ANSWERS_KEPT, "rows": 9},
    ),
]
STORED = Statement.from_sql("SELECT count(*) FROM idempotency_keys")


class Recorder(NoPoolObserver):
    """Collects the statements that are run, and the jobs that are dispatched."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def executed(self, statement: StatementInfo, *_: object) -> None:
        self.seen.append(statement.summary)

    def dispatched(self, jobs: Iterable[Dispatch]) -> None:
        self.seen += ["dispatch" for _ in jobs]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def recorded(database_url: str, recorder: Recorder) -> AsyncIterator[Database]:
    """PostgreSQL with a recorder of statements."""
    pool = ConnectionPool(database_url, size=2, timeout=60, observer=recorder)
    context = WriteContext(lambda: NOW, new_id, lambda: None, dispatch_soon=recorder.dispatched)
    yield Database(transactions(pool, context), views(pool, context))
    await pool.close()


async def serve(database: Database, *, look_first: bool) -> None:
    """Serve a request that enqueues a job."""
    service = IdempotencyService(database.write, database.read, AesAnswerCipher(b"s" * 32))

    async def work() -> Answer:
        async with answered(database.write) as tx:
            await tx.jobs.add(NewJob(id=new_id(), kind="x"))
        return Answer(b"201", None)

    await service.serve(REQUEST, work, look_first=look_first)


async def test_a_new_request_costs_two_statements_in_its_transaction(
    recorded: Database, recorder: Recorder
) -> None:
    await serve(recorded, look_first=False)
    claim, insert = "SELECT idempotency_keys", "INSERT idempotency_keys"
    assert recorder.seen == ["BEGIN", claim, "INSERT jobs", insert, "COMMIT", "dispatch"]


async def test_a_repetition_writes_nothing(recorded: Database, recorder: Recorder) -> None:
    await serve(recorded, look_first=False)
    recorder.seen.clear()
    await serve(recorded, look_first=False)
    assert recorder.seen == ["BEGIN", "SELECT idempotency_keys", "ROLLBACK"]
    recorder.seen.clear()
    await serve(recorded, look_first=True)
    assert recorder.seen == ["SELECT idempotency_keys"]


async def test_every_statement_uses_its_index(pool: ConnectionPool) -> None:
    async with pool.connection() as driver:
        await driver.execute(ROWS)
        for index, statement, values in PLANS:
            sql = f"EXPLAIN {statement.sql}"
            rows: list[Any] = await driver.fetch(sql, *statement.arguments(values))
            assert index in "\n".join(row[0] for row in rows), statement.display


async def test_answers_are_kept_for_a_day(pool: ConnectionPool) -> None:
    async with pool.connection() as driver:
        await driver.execute(ROWS)
    expired, half_an_hour_more = PostgresExpiredRows(pool), ANSWERS_KEPT + timedelta(minutes=30)
    dropped = [
        await expired.drop(ExpiringData.ANSWERS, kept=half_an_hour_more, limit=1500)
        for _ in range(3)
    ]
    assert dropped == [1500, 1475, 0]
    assert await Retention(expired, lambda: NOW).sweep() == 1  # stored a day ago
    async with pool.executor() as executor:
        row = await executor.first(STORED)
    assert row is not None
    assert row[0] == 24


async def test_an_answer_is_found_by_its_own_request_only(pool: ConnectionPool) -> None:
    async with pool.executor() as executor:
        stored = answers.PostgresAnswers(executor)
        await stored.add(REQUEST.id, b"sealed", None)
        assert await stored.find(REQUEST.id) == b"sealed"
        assert await stored.find(replace(REQUEST, key="k-2").id) is None


class WatchingHasher(FakePasswordHasher):
    """Notes how many connections are lent while it hashes."""

    def __init__(self, pool: ConnectionPool) -> None:
        super().__init__()
        self.pool = pool
        self.lent: list[int] = []

    async def hash(self, password: str) -> str:
        self.lent.append(self.pool.used)
        return await super().hash(password)


async def test_no_connection_is_lent_while_a_password_is_hashed(
    pool: ConnectionPool, services: Services
) -> None:
    context = WriteContext(lambda: NOW, new_id, lambda: None)
    write, read, hasher = transactions(pool, context), views(pool, context), WatchingHasher(pool)
    users = replace(services.users, write=write, read=read, hasher=hasher)

    async def register() -> Answer:
        user = await users.register(Profile(email="zoe@example.com"), PASSWORD)
        return Answer(b"201", user.id)

    service = IdempotencyService(write, read, AesAnswerCipher(b"s" * 32))
    assert await service.serve(REQUEST, register, look_first=True) is None
    assert await service.serve(REQUEST, register, look_first=True) == b"201"
    assert hasher.lent == [0]
