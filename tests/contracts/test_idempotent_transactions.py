"""The transaction of a request with an idempotency key, committed or not."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from jubilee.adapters.answer_cipher import AesAnswerCipher
from jubilee.domain.errors import NotFound
from jubilee.domain.idempotency.answers import MAX_ANSWER_BYTES, Answer, AnswerTooLarge
from jubilee.domain.idempotency.commit import after_commit, answered
from jubilee.domain.idempotency.service import IdempotencyService
from jubilee.domain.users.user import EmailTaken, User
from tests.contracts.accounts import add_users, make_user
from tests.contracts.conftest import Database
from tests.contracts.keyed_work import REQUEST, adding, fail, find


@pytest.fixture
def service(database: Database) -> IdempotencyService:
    return IdempotencyService(database.write, database.read, AesAnswerCipher(b"s" * 32))


async def test_callbacks_run_after_the_commit(
    database: Database, service: IdempotencyService
) -> None:
    zoe, seen = make_user("zoe"), list[bool]()

    async def look() -> None:
        seen.append(await find(database, zoe) is not None)

    async def work() -> Answer:
        await after_commit(look)
        answer = await adding(database, zoe)()
        await after_commit(look)
        return answer

    await service.serve(REQUEST, work, look_first=False)
    assert seen == [False, True]


async def test_callbacks_do_not_run_after_a_refusal(
    database: Database, service: IdempotencyService
) -> None:
    async def work() -> Answer:
        await adding(database, make_user("zoe"))()
        await after_commit(fail)  # type: ignore[arg-type]  # never called
        raise NotFound

    with pytest.raises(NotFound):
        await service.serve(REQUEST, work, look_first=False)


async def test_work_that_is_cancelled_before_its_answer_has_no_effect(
    database: Database, service: IdempotencyService
) -> None:
    effect, zoe = asyncio.Event(), make_user("zoe")

    async def slow() -> Answer:
        await adding(database, zoe)()
        effect.set()
        return await asyncio.Future[Answer]()

    task = asyncio.create_task(service.serve(REQUEST, slow, look_first=False))
    await effect.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert await find(database, zoe) is None
    assert await service.serve(REQUEST, adding(database, zoe), look_first=False) is None


async def test_blocks_after_the_first_belong_to_its_transaction(
    database: Database, service: IdempotencyService
) -> None:
    people = make_user("zoe"), make_user("eve")

    async def work() -> Answer:
        for person in people:
            await adding(database, person)()
        raise NotFound

    with pytest.raises(NotFound):
        await service.serve(REQUEST, work, look_first=False)
    assert [await find(database, person) for person in people] == [None, None]


async def test_a_block_that_failed_can_be_repeated(
    database: Database, service: IdempotencyService
) -> None:
    zoe, eve = make_user("zoe"), make_user("eve")
    await add_users(database, zoe)

    async def work() -> Answer:
        with suppress(EmailTaken):
            await adding(database, replace(eve, email=zoe.email))()
        return await adding(database, eve)()

    assert await service.serve(REQUEST, work, look_first=False) is None
    assert await find(database, eve) is not None


async def test_an_answer_that_is_too_large_rolls_the_effect_back(
    database: Database, service: IdempotencyService
) -> None:
    zoe, large = make_user("zoe"), Answer(b"x" * (MAX_ANSWER_BYTES + 1), None)
    with pytest.raises(AnswerTooLarge):
        await service.serve(REQUEST, adding(database, zoe, large), look_first=False)
    assert await find(database, zoe) is None


async def test_deleting_an_account_deletes_the_answers_about_it(
    database: Database, service: IdempotencyService
) -> None:
    zoe, eve = make_user("zoe"), make_user("eve")
    for person in (zoe, eve):
        request = replace(REQUEST, key=person.email)
        await service.serve(
            request, adding(database, person, Answer(b"201", person.id)), look_first=False
        )
    async with database.write() as tx:
        await tx.users.delete(zoe.id)
    assert await service.serve(replace(REQUEST, key=eve.email), fail, look_first=True) == b"201"
    again = adding(database, zoe)
    assert await service.serve(replace(REQUEST, key=zoe.email), again, look_first=True) is None


async def delete(database: Database, user: User) -> None:
    async with database.write() as tx:
        await tx.users.block_new_rows(user.id)
        await tx.users.delete(user.id)


async def test_a_deletion_of_the_account_deletes_the_answer_that_is_in_flight(
    database: Database, service: IdempotencyService
) -> None:
    zoe, effect, may_answer = make_user("zoe"), asyncio.Event(), asyncio.Event()
    await add_users(database, zoe)

    async def slow() -> Answer:
        async with answered(database.write) as tx:
            await tx.users.get(zoe.id, lock=True)
        effect.set()
        await may_answer.wait()
        return Answer(b"200", zoe.id)

    first = asyncio.create_task(service.serve(REQUEST, slow, look_first=False))
    await effect.wait()
    deletion = asyncio.create_task(delete(database, zoe))
    await asyncio.sleep(0.1)
    assert not deletion.done()
    may_answer.set()
    await asyncio.gather(first, deletion)
    async with database.read() as view:
        assert await view.answers.find(REQUEST.id) is None
