"""Requests with an idempotency key: one effect, one stored answer, in memory and in PostgreSQL."""

import asyncio
from dataclasses import replace

import pytest

from jubilee.adapters.answer_cipher import AesAnswerCipher
from jubilee.domain.errors import NotFound
from jubilee.domain.idempotency.answers import (
    Answer,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
)
from jubilee.domain.idempotency.service import IdempotencyService
from jubilee.domain.users.user import EmailTaken
from tests.contracts.accounts import make_user
from tests.contracts.conftest import Database
from tests.contracts.keyed_work import ANSWER, REQUEST, adding, fail, find


@pytest.fixture
def service(database: Database) -> IdempotencyService:
    return IdempotencyService(database.write, database.read, AesAnswerCipher(b"s" * 32))


@pytest.mark.parametrize("look_first", [False, True])
async def test_a_repetition_gets_the_first_answer_and_has_no_effect(
    database: Database, service: IdempotencyService, *, look_first: bool
) -> None:
    zoe = make_user("zoe")
    answers = [
        await service.serve(
            REQUEST, adding(database, replace(zoe, full_name=name)), look_first=look_first
        )
        for name in ("first", "second")
    ]
    assert answers == [None, b"201"]
    found = await find(database, zoe)
    assert found is not None
    assert found.full_name == "first"


async def test_work_without_a_transaction_is_answered_once_too(service: IdempotencyService) -> None:
    async def work() -> Answer:
        return ANSWER

    assert await service.serve(REQUEST, work, look_first=False) is None
    assert await service.serve(REQUEST, fail, look_first=True) == b"201"


@pytest.mark.parametrize("look_first", [False, True])
async def test_a_key_with_other_content_is_refused(
    database: Database, service: IdempotencyService, *, look_first: bool
) -> None:
    await service.serve(REQUEST, adding(database, make_user("zoe")), look_first=look_first)
    other, eve = replace(REQUEST, fingerprint=b"other"), make_user("eve")
    with pytest.raises(IdempotencyKeyReused):
        await service.serve(other, adding(database, eve), look_first=look_first)
    assert await find(database, eve) is None


async def test_the_same_key_in_another_scope_is_another_key(
    database: Database, service: IdempotencyService
) -> None:
    await service.serve(REQUEST, adding(database, make_user("zoe")), look_first=False)
    other, eve = replace(REQUEST, scope="anonymous POST /auth/register"), make_user("eve")
    assert await service.serve(other, adding(database, eve), look_first=False) is None
    assert await find(database, eve) is not None


async def test_a_request_whose_first_is_in_flight_is_refused_without_waiting(
    database: Database, service: IdempotencyService
) -> None:
    effect, may_answer = asyncio.Event(), asyncio.Event()
    zoe = make_user("zoe")

    async def slow() -> Answer:
        answer = await adding(database, zoe)()
        effect.set()
        await may_answer.wait()
        return answer

    first = asyncio.create_task(service.serve(REQUEST, slow, look_first=False))
    await effect.wait()
    with pytest.raises(IdempotencyKeyInUse):
        await service.serve(REQUEST, adding(database, zoe), look_first=False)
    assert await find(database, zoe) is None  # neither committed before the answer
    may_answer.set()
    assert await first is None
    assert await find(database, zoe) is not None


async def test_parallel_requests_have_one_effect(
    database: Database, service: IdempotencyService
) -> None:
    async def once() -> bytes | None:
        return await service.serve(REQUEST, adding(database, make_user("zoe")), look_first=True)

    outcomes = await asyncio.gather(*(once() for _ in range(12)), return_exceptions=True)
    assert outcomes.count(None) == 1
    assert {type(o) for o in outcomes if o is not None} <= {bytes, IdempotencyKeyInUse}
    assert await once() == b"201"


@pytest.mark.parametrize("look_first", [False, True])
async def test_a_refused_request_keeps_its_key_usable(
    database: Database, service: IdempotencyService, *, look_first: bool
) -> None:
    zoe = make_user("zoe")

    async def refused() -> Answer:
        await adding(database, zoe)()
        raise NotFound

    with pytest.raises(NotFound):
        await service.serve(REQUEST, refused, look_first=look_first)
    assert await find(database, zoe) is None
    assert await service.serve(REQUEST, adding(database, zoe), look_first=look_first) is None


async def test_a_refusal_by_the_effect_of_its_twin_gets_the_answer_of_that(
    database: Database, service: IdempotencyService
) -> None:
    zoe = make_user("zoe")

    async def overtaken() -> Answer:
        await asyncio.create_task(twin())
        raise EmailTaken

    async def twin() -> None:
        assert await service.serve(REQUEST, adding(database, zoe), look_first=False) is None

    assert await service.serve(REQUEST, overtaken, look_first=True) == b"201"


async def test_a_request_has_one_answer(database: Database) -> None:
    async def add() -> None:
        async with database.write() as tx:
            await tx.answers.add(REQUEST.id, b"sealed", None)

    await add()
    with pytest.raises(IdempotencyKeyInUse):
        await add()


async def test_stored_answers_contain_neither_content_nor_key(
    database: Database, service: IdempotencyService
) -> None:
    work = adding(database, make_user("zoe"), Answer(b"zoe@example.com", None))
    await service.serve(REQUEST, work, look_first=False)
    async with database.read() as view:
        sealed = await view.answers.find(REQUEST.id)
    assert not {part for part in (b"zoe", b"example", b"k-1") if part in sealed + REQUEST.id}
