"""Counters of attempts at passwords, in memory and in Redis."""

import asyncio
from secrets import token_bytes

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.redis.attempts import MAX_KNOWN_ADDRESSES, PREFIX, RedisAttemptStore
from jubilee.adapters.redis.client import RedisClient
from jubilee.domain.attempts import memory
from jubilee.domain.attempts.attempt import Admission, AttemptLimits, AttemptStore, PasswordAttempt
from jubilee.domain.attempts.memory import FallbackAttemptStore, MemoryAttemptStore
from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import UserId
from tests.fakes.store import FakeClock
from tests.support.api import NO_REDIS

LIMITS = AttemptLimits(account=3, address=5, window_s=600)
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.2"


@pytest.fixture(params=["fake", "redis"])
def attempts(request: pytest.FixtureRequest, clock: FakeClock) -> AttemptStore:
    """The store in memory, then Redis with names of its own."""
    if request.param == "fake":
        return MemoryAttemptStore(LIMITS, lambda: clock().timestamp())
    client = request.getfixturevalue("redis")
    return RedisAttemptStore(client, LIMITS, token_bytes(32), lambda: clock().timestamp())


@pytest.fixture
def zoe() -> UserId:
    return UserId(new_id())


def by(user_id: UserId, address: str = ELSEWHERE) -> PasswordAttempt:
    return PasswordAttempt.sign_in("zoe", user_id, address)


async def begin(attempts: AttemptStore, attempt: PasswordAttempt, times: int) -> Admission:
    """Begin so many attempts, which are allowed, and return the last admission."""
    admissions = [await attempts.begin(attempt) for _ in range(times)]
    assert all(admission.retry_after_s is None for admission in admissions)
    return admissions[-1]


async def is_refused(attempts: AttemptStore, attempt: PasswordAttempt) -> bool:
    return (await attempts.begin(attempt)).retry_after_s is not None


async def test_attempts_beyond_the_limit_of_an_account_are_refused_from_any_address(
    attempts: AttemptStore, zoe: UserId
) -> None:
    left = [(await attempts.begin(by(zoe, f"192.0.2.{n}"))).left for n in range(LIMITS.account)]
    assert left == [2, 1, 0]
    refused = await attempts.begin(by(zoe))
    assert 0 < (refused.retry_after_s or 0) <= LIMITS.window_s
    assert not await is_refused(attempts, by(UserId(new_id())))


async def test_parallel_attempts_get_no_more_than_the_limit(
    attempts: AttemptStore, zoe: UserId
) -> None:
    admissions = await asyncio.gather(*(attempts.begin(by(zoe)) for _ in range(50)))
    assert sum(each.retry_after_s is None for each in admissions) == LIMITS.account


async def test_an_unknown_login_is_limited_as_an_account_is(attempts: AttemptStore) -> None:
    assert (
        await begin(attempts, PasswordAttempt.sign_in("Nemo", None, HOME), LIMITS.account)
    ).left == 0
    assert await is_refused(attempts, PasswordAttempt.sign_in("NEMO", None, ELSEWHERE))
    assert not await is_refused(attempts, PasswordAttempt.sign_in("nobody", None, ELSEWHERE))


async def test_attempts_from_an_address_at_many_accounts_are_refused(
    attempts: AttemptStore,
) -> None:
    left = [(await attempts.begin(by(UserId(new_id())))).left_of_address for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert await is_refused(attempts, by(UserId(new_id())))
    assert not await is_refused(attempts, by(UserId(new_id()), HOME))


async def test_a_refused_attempt_is_not_counted(attempts: AttemptStore, zoe: UserId) -> None:
    await begin(attempts, by(zoe), LIMITS.account)
    for _ in range(LIMITS.address):
        assert await is_refused(attempts, by(zoe))
    assert not await is_refused(attempts, by(UserId(new_id())))


async def test_success_resets_the_account_and_takes_back_the_count_of_the_address(
    attempts: AttemptStore, zoe: UserId
) -> None:
    admission = await begin(attempts, by(zoe), 2)
    await attempts.succeed(by(zoe), admission)
    assert (await attempts.begin(by(zoe, HOME))).left == LIMITS.account - 1
    assert (await attempts.begin(by(UserId(new_id())))).left_of_address == LIMITS.address - 2


async def test_a_known_address_has_its_own_counter_for_the_account(
    attempts: AttemptStore, zoe: UserId
) -> None:
    await attempts.succeed(by(zoe, HOME), await attempts.begin(by(zoe, HOME)))
    await begin(attempts, by(zoe), LIMITS.account)
    known = await begin(attempts, by(zoe, HOME), LIMITS.account)
    assert (known.is_known, known.left, known.left_of_address) == (True, 0, None)
    assert await is_refused(attempts, by(zoe, HOME))


async def test_success_at_a_known_address_does_not_reset_the_account(
    attempts: AttemptStore, zoe: UserId
) -> None:
    await attempts.succeed(by(zoe, HOME), await attempts.begin(by(zoe, HOME)))
    await begin(attempts, by(zoe), LIMITS.account)
    await attempts.add_lock(zoe, seconds=LIMITS.window_s)
    assert not await attempts.succeed(by(zoe, HOME), await attempts.begin(by(zoe, HOME)))
    assert await is_refused(attempts, by(zoe))


async def test_a_known_address_is_known_to_its_account_only(
    attempts: AttemptStore, zoe: UserId
) -> None:
    await attempts.succeed(by(zoe, HOME), await attempts.begin(by(zoe, HOME)))
    assert not (await attempts.begin(by(UserId(new_id()), HOME))).is_known
    assert not (await attempts.begin(PasswordAttempt.sign_in("zoe", None, HOME))).is_known


async def test_a_withdrawn_attempt_is_not_counted(attempts: AttemptStore, zoe: UserId) -> None:
    for _ in range(LIMITS.address + 1):
        await attempts.withdraw(by(zoe), await begin(attempts, by(zoe), 1))
    admission = await attempts.begin(by(zoe))
    assert (admission.left, admission.left_of_address) == (2, 4)


async def test_a_session_has_a_counter_without_an_address(attempts: AttemptStore) -> None:
    attempt = PasswordAttempt("session:1")
    admission = await begin(attempts, attempt, LIMITS.account)
    assert (admission.left, admission.left_of_address or 1) != (1, 0)
    assert await is_refused(attempts, attempt)
    assert not await attempts.succeed(attempt, admission)
    assert not await is_refused(attempts, attempt)


async def test_lifting_resets_every_counter_of_the_account(
    attempts: AttemptStore, zoe: UserId
) -> None:
    await attempts.succeed(by(zoe, HOME), await attempts.begin(by(zoe, HOME)))
    for address in (HOME, ELSEWHERE):
        await begin(attempts, by(zoe, address), LIMITS.account)
    await attempts.add_lock(zoe, seconds=LIMITS.window_s)
    assert await attempts.lift(zoe)
    assert not await attempts.lift(zoe)
    for address in (HOME, ELSEWHERE):
        assert not await is_refused(attempts, by(zoe, address))


async def test_a_success_ends_the_lock(attempts: AttemptStore, zoe: UserId) -> None:
    admission = await attempts.begin(by(zoe))
    assert not await attempts.succeed(by(zoe), admission)
    await attempts.add_lock(zoe, seconds=LIMITS.window_s)
    assert await attempts.succeed(by(zoe, HOME), await attempts.begin(by(zoe, HOME)))
    assert list(await attempts.pop_ended_locks()) == []


async def test_an_ended_lock_is_returned_once(
    attempts: AttemptStore, zoe: UserId, clock: FakeClock
) -> None:
    await attempts.add_lock(zoe, seconds=LIMITS.window_s)
    clock.tick(seconds=LIMITS.window_s - 1)
    assert list(await attempts.pop_ended_locks()) == []
    clock.tick(seconds=2)
    assert [list(await attempts.pop_ended_locks()) for _ in range(2)] == [[zoe], []]


async def test_a_lock_lasts_a_whole_window_from_its_beginning_and_resets_the_counter(
    clock: FakeClock, zoe: UserId
) -> None:
    attempts = MemoryAttemptStore(LIMITS, lambda: clock().timestamp())
    await begin(attempts, by(zoe), LIMITS.account - 1)
    clock.tick(seconds=LIMITS.window_s - 1)
    await begin(attempts, by(zoe), 1)
    assert (await attempts.begin(by(zoe))).retry_after_s == LIMITS.window_s
    clock.tick(seconds=LIMITS.window_s)
    assert (await attempts.begin(by(zoe))).left == LIMITS.account - 1


async def test_every_counter_in_redis_expires(redis: RedisClient, zoe: UserId) -> None:
    limits = AttemptLimits(account=2, address=2, window_s=60)
    attempts = RedisAttemptStore(redis, limits, token_bytes(32))
    before = await names(redis)
    await begin(attempts, by(zoe), 2)
    added = await names(redis) - before
    assert len(added) == 2
    for name in added:
        assert 0 < await redis.run("PTTL", lambda r, name=name: r.pttl(name)) <= 60_000  # type: ignore[misc]  # bound at once
        await redis.run("PEXPIRE", lambda r, name=name: r.pexpire(name, 500))  # type: ignore[misc]  # likewise
    async with asyncio.timeout(30):
        while await is_refused(attempts, by(zoe)):  # noqa: ASYNC110  # Redis' clock ends it
            await asyncio.sleep(0.05)


async def test_redis_holds_neither_a_login_nor_an_address(
    redis: RedisClient, clock: FakeClock, zoe: UserId
) -> None:
    attempts = RedisAttemptStore(redis, LIMITS, b"k" * 32, lambda: clock().timestamp())
    before = await names(redis)
    await attempts.begin(PasswordAttempt.sign_in("secret-login", None, HOME))
    await attempts.succeed(by(zoe, HOME), await attempts.begin(by(zoe, HOME)))
    added = await names(redis) - before
    found = [await redis.run("DUMP", lambda r, name=name: r.dump(name)) for name in added]  # type: ignore[misc]  # bound at once
    assert len(added) == 3
    for text in (b"secret-login", HOME.encode()):
        assert not any(text in (part or b"") for part in [*added, *found])


async def test_an_account_knows_only_its_latest_addresses(
    redis: RedisClient, clock: FakeClock, zoe: UserId
) -> None:
    attempts = RedisAttemptStore(redis, LIMITS, token_bytes(32), lambda: clock().timestamp())
    for number in range(MAX_KNOWN_ADDRESSES + 1):
        clock.tick(seconds=1)
        known = by(zoe, f"192.0.2.{number}")
        await attempts.succeed(known, await attempts.begin(known))
    assert not (await attempts.begin(by(zoe, "192.0.2.0"))).is_known
    assert (await attempts.begin(by(zoe, "192.0.2.1"))).is_known


async def names(redis: RedisClient) -> set[bytes]:
    return set(await redis.run("KEYS", lambda r: r.keys(PREFIX + "*")))


async def test_without_redis_the_process_counts_alone(clock: FakeClock, zoe: UserId) -> None:
    away = RedisClient(NO_REDIS, timeout=0.2)
    shared = RedisAttemptStore(away, LIMITS, token_bytes(32))
    with pytest.raises(Unavailable):
        await shared.begin(by(zoe))
    own = MemoryAttemptStore(AttemptLimits(account=2), lambda: clock().timestamp())
    attempts = FallbackAttemptStore(shared, own)
    await attempts.withdraw(by(zoe), await begin(attempts, by(zoe), 1))
    await begin(attempts, by(zoe), 2)
    assert await is_refused(attempts, by(zoe))
    await attempts.add_lock(zoe, seconds=LIMITS.window_s)
    clock.tick(hours=1)
    assert list(await attempts.pop_ended_locks()) == [zoe]
    with pytest.raises(Unavailable):
        await attempts.lift(zoe)
    assert not await attempts.succeed(by(zoe), Admission())
    await away.close()


async def test_memory_is_bounded_and_forgets_a_lock_last(
    clock: FakeClock, zoe: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "MAX_COUNTERS", 100)
    monkeypatch.setattr(memory, "MAX_KNOWN_PAIRS", 100)
    attempts = MemoryAttemptStore(LIMITS, lambda: clock().timestamp())
    await begin(attempts, by(zoe), LIMITS.account)
    for number in range(1000):
        other = by(UserId(new_id()), f"2001:db8:{number:x}::")
        admission = await attempts.begin(other)
        if number % 2:
            await attempts.succeed(other, admission)
    assert len(attempts._counters) <= 100
    assert len(attempts._known) == 100
    assert await is_refused(attempts, by(zoe))
