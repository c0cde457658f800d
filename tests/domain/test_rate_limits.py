"""Rate limits: leases of quotas that processes share."""

import asyncio

import pytest

from jubilee.domain.rate_limits import limiter
from jubilee.domain.rate_limits.limiter import RateLimiter, RateState
from jubilee.domain.rate_limits.quotas import (
    DEFAULT_QUOTAS,
    Quota,
    RouteClass,
    parse_quotas,
)
from tests.fakes.quotas import FakeQuotaStore

READ = RouteClass.READ
IN_FLIGHT = 100
SMALL, LARGE = Quota(5, 60), Quota(10_000, 60)


class Time:
    """Seconds that a test moves; a window of 60 s has just begun."""

    def __init__(self) -> None:
        self.now = 60_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> FakeQuotaStore:
    return FakeQuotaStore()


@pytest.fixture
def time() -> Time:
    return Time()


def process(quota: Quota, store: FakeQuotaStore, time: Time) -> RateLimiter:
    return RateLimiter({READ: quota}, store, time)


async def admitted(limiter: RateLimiter, requests: int, client: str = "zoe") -> int:
    """Send so many requests, some at once, and return how many were admitted."""
    states: list[RateState] = []
    while (left := requests - len(states)) > 0:
        at_once = min(left, IN_FLIGHT)
        states += await asyncio.gather(*(limiter.admit(READ, client) for _ in range(at_once)))
    return sum(not state.is_refused for state in states)


async def test_requests_beyond_the_quota_are_refused_until_the_window_ends(
    store: FakeQuotaStore, time: Time
) -> None:
    one = process(SMALL, store, time)
    states = [await one.admit(READ, "zoe") for _ in range(7)]
    assert [state.remaining for state in states] == [4, 3, 2, 1, 0, 0, 0]
    assert [state.is_refused for state in states] == [False] * 5 + [True] * 2
    time.now += 59.5
    assert (await one.admit(READ, "zoe")).reset_s == 1
    time.now += 0.5
    assert (await one.admit(READ, "zoe")).reset_s == 60


async def test_every_client_has_a_quota_of_its_own(store: FakeQuotaStore, time: Time) -> None:
    one = process(SMALL, store, time)
    assert [await admitted(one, 9, client) for client in ("zoe", "max")] == [5, 5]


async def test_what_other_processes_have_used_is_not_said_to_remain(
    store: FakeQuotaStore, time: Time
) -> None:
    one, other = (process(Quota(1000, 60), store, time) for _ in range(2))
    assert await admitted(one, 400) == 400
    assert await admitted(other, 400) == 400
    left = await other.admit(READ, "zoe")
    assert 0 < left.remaining <= 1000 - 400 - 401 + 100  # a lease of the first may be left


async def test_processes_share_a_quota(store: FakeQuotaStore, time: Time) -> None:
    both = [process(SMALL, store, time) for _ in range(2)]
    found = await asyncio.gather(*(admitted(each, 10) for each in both))
    assert sum(found) == SMALL.requests


@pytest.mark.untraced
async def test_processes_together_admit_at_most_some_hundredths_more_than_a_large_quota(
    store: FakeQuotaStore, time: Time
) -> None:
    both = [process(LARGE, store, time) for _ in range(2)]
    found = sum([await admitted(each, LARGE.requests) for each in both])
    assert LARGE.requests <= found <= LARGE.requests * 1.02


async def test_a_client_with_few_requests_costs_no_question_and_one_with_many_costs_few(
    store: FakeQuotaStore, time: Time
) -> None:
    one = process(LARGE, store, time)
    assert (await admitted(one, 100), store.calls) == (100, 0)
    assert await admitted(one, 2000) == 2000
    assert store.calls <= 11


async def test_a_refused_client_costs_no_further_question(
    store: FakeQuotaStore, time: Time
) -> None:
    one = process(SMALL, store, time)
    await admitted(one, 10)
    calls = store.calls
    assert (await admitted(one, 100), store.calls) == (0, calls)


@pytest.mark.untraced
async def test_without_the_store_a_process_admits_a_quarter(
    store: FakeQuotaStore, time: Time
) -> None:
    store.is_away = True
    for quota in (SMALL, LARGE):
        assert await admitted(process(quota, store, time), quota.requests) == quota.requests // 4


async def test_a_store_that_is_back_is_told_what_was_admitted(
    store: FakeQuotaStore, time: Time
) -> None:
    one, store.is_away = process(Quota(40, 60), store, time), True
    assert await admitted(one, 20) == 10
    store.is_away = False
    assert await admitted(one, 40) == 30
    assert sum(store.sums.values()) >= 40


async def test_a_cancelled_request_does_not_take_the_lease_of_others(
    store: FakeQuotaStore, time: Time
) -> None:
    one = process(SMALL, store, time)
    first, second = [asyncio.create_task(one.admit(READ, "zoe")) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    assert not (await second).is_refused


async def test_memory_is_bounded_however_many_addresses_ask(
    store: FakeQuotaStore, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "MAX_CLIENTS", 100)
    one = process(SMALL, store, time)
    assert await admitted(one, 1, "zoe") == 1
    found = [await admitted(one, 1, f"2001:db8:0:{number:x}::/64") for number in range(5000)]
    clients = one._limiters[READ]._clients
    assert len(clients) <= 100 + limiter.SHARED_COUNTERS
    assert sum(found) <= 99 + limiter.SHARED_COUNTERS * SMALL.requests
    assert await admitted(one, 10, "zoe") == 4
    time.now += 60
    await admitted(one, 1)
    assert len(one._limiters[READ]._clients) == 1


def test_the_setting_is_on_off_or_a_list() -> None:
    assert parse_quotas("off") is None
    assert parse_quotas(" On ") == DEFAULT_QUOTAS
    found = parse_quotas("read=600/60, sign-in=5/1")
    assert found == {**DEFAULT_QUOTAS, READ: Quota(600, 60), RouteClass.SIGN_IN: Quota(5, 1)}


@pytest.mark.parametrize(
    "text", ["", "yes", "read", "read=0/60", "read=1/0", "reads=1/60", "read=1/60;x", "read=-1/60"]
)
def test_another_setting_is_refused_with_the_syntax(text: str) -> None:
    with pytest.raises(ValueError, match="class=requests/seconds"):
        parse_quotas(text)
