"""Concurrent changes of accounts and sessions, on a real PostgreSQL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.domain.auth.opening import Tokens
from jubilee.domain.auth.sessions import MAX_SESSIONS_PER_USER, ClientInfo
from jubilee.domain.auth.tokens import InvalidGrant, InvalidToken
from jubilee.domain.errors import Conflict, DomainError
from jubilee.domain.invites.invite import InvalidInvite
from jubilee.domain.invites.service import Acceptance
from jubilee.domain.names import Names
from jubilee.domain.one_time.link import LinkToken
from jubilee.domain.passwords import PasswordChange
from jubilee.domain.services import Services
from jubilee.domain.users.user import EmailTaken, Profile, UsernameTaken
from tests.conftest import PASSWORD, SignUp
from tests.fakes.store import FakeClock
from tests.support.api import held_open, wait_for_lock_wait

LAPTOP = ClientInfo("192.0.2.9", "laptop")
NEW = "another good password"
NO_PASSWORDS = PasswordChange()
TABLES = ("users", "sessions", "birthdays", "items", "jobs")

SUBSCRIBERS = dict.fromkeys(("ItemCreated", "ItemDeleted"), ("echo",))
"""Subscribers, without which no event is written."""


@pytest.fixture
def clock() -> FakeClock:
    """The current time, since the database's clock ends sessions too."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[ConnectionPool]:
    pool = ConnectionPool(database_url, size=8, timeout=60)
    yield pool
    await pool.close()


@pytest.fixture
def services(services: Services, pool: ConnectionPool, clock: FakeClock) -> Services:
    """The use cases over a real database."""
    write_context = WriteContext(clock, new_id, lambda: None, subscribers=SUBSCRIBERS)
    real: dict[str, Any] = {
        "write": transactions(pool, write_context),
        "read": views(pool, write_context),
    }
    return replace(
        services,
        auth=replace(services.auth, **real),
        sessions=replace(services.sessions, **real),
        users=replace(services.users, **real),
        items=replace(services.items, **real),
        invites=replace(services.invites, **real, prover=replace(services.invites.prover, **real)),
    )


async def outcomes(*attempts: Awaitable[object]) -> Counter[str]:
    """Run the attempts at once and count their outcomes; only refusals may be raised."""
    answers = await asyncio.gather(*attempts, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, DomainError):
            raise answer
    return Counter(type(a).__name__ if isinstance(a, DomainError) else "done" for a in answers)


async def count(database_url: str, table: str) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("first", "second", "refusal"),
    [
        (Profile(email="zoe@example.com"), Profile(email="ZOE@example.com"), EmailTaken),
        (
            Profile(email="a@example.com", username="zoë"),
            Profile(email="b@example.com", username="ZOË"),
            UsernameTaken,
        ),
    ],
)
async def test_check_41_one_of_parallel_registrations_of_a_name_succeeds(
    services: Services, database_url: str, first: Profile, second: Profile, refusal: type[Conflict]
) -> None:
    many = [services.users.register(p, PASSWORD) for p in (first, second) * 6]
    found = await outcomes(*many)
    assert found["done"] == 1
    assert found[refusal.__name__] >= 1
    assert found.keys() <= {"done", "EmailTaken", "UsernameTaken"}
    assert [await count(database_url, table) for table in ("users", "jobs", "birthdays")] == [1] * 3


async def test_one_of_two_parallel_username_changes_succeeds(
    services: Services, sign_up: SignUp
) -> None:
    people = [await sign_up(name) for name in ("ann", "bob", "cat", "dan")]
    taken = Profile(username="quill")
    found = await outcomes(
        *(services.users.change(p.user.id, taken, NO_PASSWORDS, by=p.principal) for p in people)
    )
    assert found == {"done": 1, "UsernameTaken": 3}


async def test_a_failed_registration_leaves_no_account(
    services: Services, database_url: str
) -> None:
    mail = replace(services.users.mail, new_id=lambda: UUID(int=1))
    users = replace(services.users, mail=mail)
    await users.register(Profile(email="first@example.com"), PASSWORD)
    with pytest.raises(Conflict):  # its welcome mail has the same id
        await users.register(Profile(email="second@example.com"), PASSWORD)
    assert [await count(database_url, table) for table in ("users", "jobs")] == [1, 1]


async def test_check_26_parallel_refreshes_return_one_successor(
    services: Services, sign_up: SignUp
) -> None:
    zoe = await sign_up()
    pairs = await asyncio.gather(*(services.auth.refresh(zoe.refresh_token) for _ in range(8)))
    (successor,) = {tokens.refresh for tokens in pairs}
    assert len({tokens.access for tokens in pairs}) == 8
    for tokens in pairs:
        assert await services.auth.authenticate(tokens.access) == zoe.principal
    assert (await services.auth.refresh(successor)).refresh != successor


async def test_a_parallel_replay_revokes_the_family(
    services: Services, sign_up: SignUp, database_url: str
) -> None:
    for name in ("ann", "bob", "cat"):
        stolen = (await sign_up(name)).refresh_token
        second = await services.auth.refresh(stolen)
        current = await services.auth.refresh(second.refresh)
        found = await outcomes(
            *(services.auth.refresh(t) for t in (stolen, current.refresh, stolen, current.refresh))
        )
        assert found["InvalidGrant"] >= 2
        with pytest.raises(InvalidToken):
            await services.auth.authenticate(current.access)
    assert await count(database_url, "sessions") == 0


async def test_two_admins_demoting_each_other_leave_one(
    services: Services, sign_up: SignUp, database_url: str
) -> None:
    ada, max_ = [await sign_up(name, is_superuser=True) for name in ("ada", "max")]
    demotion = Profile(is_superuser=False)
    for _ in range(5):
        found = await outcomes(
            services.users.change(max_.user.id, demotion, NO_PASSWORDS, by=ada.principal),
            services.users.change(ada.user.id, demotion, NO_PASSWORDS, by=max_.principal),
        )
        assert found == {"done": 1, "LastAdmin": 1}
        await _promote(database_url)


async def _promote(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE users SET is_superuser = true")
    await connection.close()


async def test_admins_deleting_themselves_at_once_leave_one(
    services: Services, sign_up: SignUp, database_url: str
) -> None:
    admins = [await sign_up(name, is_superuser=True) for name in ("ada", "ben", "cleo", "dora")]
    users, off = services.users, Profile(is_active=False)
    found = await outcomes(
        *(users.delete(p.user.id, by=p.principal) for p in admins[:2]),
        *(users.change(p.user.id, off, NO_PASSWORDS, by=p.principal) for p in admins[2:]),
    )
    assert found == {"done": 3, "LastAdmin": 1}


async def test_a_sign_in_parallel_to_a_password_change_is_refused(
    services: Services, sign_up: SignUp
) -> None:
    zoe = await sign_up()
    change = PasswordChange(new=NEW, current=PASSWORD)
    found = await outcomes(
        *(services.auth.sign_in("zoe", PASSWORD, LAPTOP) for _ in range(5)),
        services.users.change(zoe.user.id, Profile(), change, by=zoe.principal),
        *(services.auth.sign_in("zoe", PASSWORD, LAPTOP) for _ in range(5)),
    )
    assert found.keys() <= {"done", "InvalidGrant"}
    (left,) = await services.sessions.list(zoe.principal)
    assert left.id == zoe.principal.session_id


async def test_parallel_sign_ins_keep_the_session_limit(
    services: Services, sign_up: SignUp, clock: FakeClock, database_url: str
) -> None:
    zoe = await sign_up()
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO sessions SELECT gen_random_uuid(), user_id, 1, token_hash, NULL, rotated_at,"
        " expires_at, created_at - interval '1 hour', NULL, NULL"
        f" FROM sessions, generate_series(1, {MAX_SESSIONS_PER_USER - 3})"
    )
    await connection.close()
    clock.tick(seconds=1)
    many = [services.auth.sign_in("zoe", PASSWORD, LAPTOP) for _ in range(12)]
    assert await outcomes(*many) == {"done": 12}
    assert await count(database_url, "sessions") == MAX_SESSIONS_PER_USER
    newest = (await services.sessions.list(zoe.principal))[:12]
    assert {session.client for session in newest} == {LAPTOP}


async def test_check_45_deleting_an_active_account_leaves_no_rows(
    services: Services, sign_up: SignUp, database_url: str
) -> None:
    zoe = await sign_up("zoe", date_of_birth=date(1990, 2, 28))
    for n in range(5):
        await services.items.create(f"Item {n}", None, by=zoe.principal)
    found = await outcomes(
        *(services.items.create("Late", None, by=zoe.principal) for _ in range(3)),
        services.auth.refresh(zoe.refresh_token),
        services.users.delete(zoe.user.id, by=zoe.principal),
        services.auth.sign_in("zoe", PASSWORD, LAPTOP),
        services.users.change(zoe.user.id, Profile(full_name="Z"), NO_PASSWORDS, by=zoe.principal),
    )
    assert found.keys() <= {"done", "InvalidToken", "InvalidGrant", "UserNotFound"}
    assert {table: await count(database_url, table) for table in TABLES} == dict.fromkeys(TABLES, 0)
    created, deleted = [
        await count(database_url, f"events WHERE kind = '{kind}'")
        for kind in ("ItemCreated", "ItemDeleted")
    ]
    assert created == deleted >= 5


async def test_an_invite_waits_for_a_change_of_its_inviter_and_is_refused(
    services: Services, sign_up: SignUp, database_url: str
) -> None:
    zoe = await sign_up("zoe")
    invite = await services.invites.create("eve@example.com", "user", by=zoe.principal)
    proof = LinkToken(services.invites.secrets.reveal(invite)[0])
    acceptance = Acceptance(proof=proof, password=NEW, names=Names())
    async with held_open(database_url, "UPDATE users SET is_active = false") as disabling:
        accepting = asyncio.create_task(services.invites.accept(acceptance, None))
        await wait_for_lock_wait(disabling)
        await disabling.execute("COMMIT")
        with pytest.raises(InvalidInvite):
            await accepting
    assert await count(database_url, "users") == 1


async def test_an_expired_session_is_pruned_by_the_next_sign_in(
    services: Services, sign_up: SignUp, clock: FakeClock, database_url: str
) -> None:
    zoe = await sign_up()
    clock.tick(days=31)
    with pytest.raises(InvalidGrant):
        await services.auth.refresh(zoe.refresh_token)
    tokens: Tokens = await services.auth.sign_in("zoe", PASSWORD, LAPTOP)
    assert await count(database_url, "sessions") == 1
    assert (await services.auth.authenticate(tokens.access)).user_id == zoe.user.id
