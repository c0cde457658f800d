"""Argon2id hashes, with little memory."""

import asyncio
import math
import os
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from unittest.mock import patch

import pytest

from jubilee.adapters.argon2_passwords import (
    CLIENT_RATIO,
    MAX_QUEUED_PER_THREAD,
    MEAN_WEIGHT,
    MIN_QUEUED,
    NICENESS,
    REST_RATIO,
    Argon2Passwords,
)
from jubilee.domain.passwords import HasherBusy

MEMORY_KIB = 8192  # KiB


def hasher(time_cost: int = 1, threads: int = 2, memory_kib: int = MEMORY_KIB) -> Argon2Passwords:
    made = Argon2Passwords(time_cost=time_cost, memory_kib=memory_kib, threads=threads)
    made.max_wait_s = math.inf
    return made


@pytest.fixture
def passwords() -> Iterator[Argon2Passwords]:
    passwords = hasher()
    yield passwords
    passwords.close()


@pytest.mark.parametrize(
    "password", ["correct horse battery", "🐴" * 256, " a b ", "x" * 10_000, "\ud800", "p\0q", ""]
)
async def test_a_password_matches_only_its_own_hash(
    passwords: Argon2Passwords, password: str
) -> None:
    stored = await passwords.hash(password)
    assert stored.startswith("$argon2id$v=19$m=8192,t=1,p=1$")
    assert await passwords.verify(stored, password)
    for other in (password + " ", password[:-1] + "~", password.swapcase() + "!"):
        assert not await passwords.verify(stored, other)


async def test_one_password_has_many_hashes(passwords: Argon2Passwords) -> None:
    assert await passwords.hash("same") != await passwords.hash("same")


@pytest.mark.parametrize("stored", [None, "", "x", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv"])
async def test_an_invalid_hash_matches_nothing(
    passwords: Argon2Passwords, stored: str | None
) -> None:
    assert not await passwords.verify(stored, "password")


async def test_check_6_a_hash_of_weaker_parameters_is_outdated(passwords: Argon2Passwords) -> None:
    stored = await passwords.hash("password")
    assert not passwords.is_outdated(stored)
    assert not passwords.is_outdated("no hash")
    stronger = [hasher(time_cost=2), hasher(memory_kib=MEMORY_KIB * 2)]
    assert all(each.is_outdated(stored) for each in stronger)
    assert await stronger[0].verify(stored, "password")
    for each in stronger:
        each.close()


@pytest.mark.timing
async def test_check_8_an_unknown_account_takes_as_long_as_a_wrong_password(
    passwords: Argon2Passwords,
) -> None:
    stored = await passwords.hash("password")
    times: dict[str | None, list[float]] = {None: [], stored: []}
    for _ in range(25):
        for kind, taken in times.items():
            started = time.perf_counter()
            assert not await passwords.verify(kind, "wrong")
            taken.append(time.perf_counter() - started)
    unknown, wrong = (statistics.median(taken) for taken in times.values())
    assert 0.5 < unknown / wrong < 2


@pytest.mark.timing
async def test_check_6_hashing_does_not_block_the_event_loop(passwords: Argon2Passwords) -> None:
    burst = asyncio.gather(*(passwords.hash("password") for _ in range(50)))
    gaps = []
    while not burst.done():
        started = time.perf_counter()
        await asyncio.sleep(0.001)
        gaps.append(time.perf_counter() - started)
    assert len(await burst) == 50
    assert len(gaps) > 5
    assert statistics.median(gaps) < 0.05


def test_the_hash_for_unknown_accounts_has_the_cost_of_new_ones(passwords: Argon2Passwords) -> None:
    assert not passwords.is_outdated(passwords._dummy_hash)


async def refused(small: Argon2Passwords, calls: Iterable[Awaitable[object]]) -> int:
    """Return how many are refused, as no call is served before the last one has come."""
    all_have_come, timed = threading.Event(), small._timed

    def wait_for_all(work: Callable[[], object]) -> object:
        all_have_come.wait(10)
        return timed(work)

    with patch.object(small, "_timed", wait_for_all):
        answers = asyncio.gather(*calls, return_exceptions=True)
        asyncio.get_running_loop().call_soon(all_have_come.set)
        return sum(isinstance(answer, HasherBusy) for answer in await answers)


async def test_calls_beyond_the_queue_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jubilee.adapters.argon2_passwords.REST_RATIO", 0)
    small = hasher(threads=1)
    burst = [small.verify(None, "password") for _ in range(MAX_QUEUED_PER_THREAD + 5)]
    assert await refused(small, burst) == 5
    assert not await small.verify(None, "password")
    small.close()


@pytest.mark.parametrize(
    ("mean_s", "threads", "places"), [(0.02, 1, 50), (1, 1, MIN_QUEUED), (0.05, 2, 40)]
)
async def test_calls_are_refused_at_once_when_the_queue_takes_too_long(
    mean_s: float, threads: int, places: int
) -> None:
    small = hasher(threads=threads)
    small.max_wait_s, small._mean_s = 1, mean_s
    burst = [small.hash("password") for _ in range(places + 3)]
    assert await refused(small, burst) == 3
    assert small._mean_s != mean_s
    small.close()


async def test_a_wrong_password_rests_a_thread_in_proportion_to_its_check(
    passwords: Argon2Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    monkeypatch.setattr("jubilee.adapters.argon2_passwords.sleep", rests.append)
    times = iter([1.0, 5.0, 5.5])
    monkeypatch.setattr("jubilee.adapters.argon2_passwords.thread_time", lambda: next(times))
    stored = await passwords.hash("password")
    assert await passwords.verify(stored, "password")
    assert rests == []
    assert not await passwords.verify(stored, "wrong")
    assert rests == [REST_RATIO * 0.5]


def test_the_mean_time_of_a_hash_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([7.0, 7.5, 20.0, 22.5])
    monkeypatch.setattr("jubilee.adapters.argon2_passwords.monotonic", lambda: next(times))
    small = hasher()
    assert small._timed(lambda: "first") == "first"
    assert small._mean_s == 0.5
    assert small._timed(lambda: "second") == "second"
    assert small._mean_s == 0.5 + MEAN_WEIGHT * 2
    small.close()


async def test_one_client_fills_at_most_half_of_the_queue() -> None:
    who = "zoe"
    small = Argon2Passwords(time_cost=1, memory_kib=MEMORY_KIB, threads=1, client=lambda: who)
    small.max_wait_s = math.inf
    burst = [asyncio.ensure_future(small.hash("password")) for _ in range(MAX_QUEUED_PER_THREAD)]
    await asyncio.sleep(0)
    who = "max"
    assert await small.hash("password")
    answers = await asyncio.gather(*burst, return_exceptions=True)
    busy = sum(isinstance(answer, HasherBusy) for answer in answers)
    assert busy == MAX_QUEUED_PER_THREAD - MAX_QUEUED_PER_THREAD // CLIENT_RATIO
    assert not small._of_client
    small.close()


async def test_a_cancelled_call_frees_its_place() -> None:
    small = hasher(threads=1)
    waiting = [asyncio.ensure_future(small.hash("password")) for _ in range(MAX_QUEUED_PER_THREAD)]
    await asyncio.sleep(0)
    with pytest.raises(HasherBusy):
        await small.hash("password")
    with pytest.raises(HasherBusy):
        small.require_place()
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    small.require_place()
    assert await small.hash("password")
    small.close()


@pytest.mark.timing
async def test_hashing_ends_at_the_deadline() -> None:
    due = time.monotonic() + 0.2
    small = Argon2Passwords(time_cost=8, memory_kib=MEMORY_KIB, threads=1, deadline=lambda: due)
    waiting = (small.hash("password") for _ in range(50))
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert time.monotonic() < due + 0.5
    assert any(isinstance(answer, HasherBusy) for answer in answers)
    small.close()


async def test_closing_waits_for_no_hash_that_runs(passwords: Argon2Passwords) -> None:
    begun, ends = threading.Event(), threading.Event()

    def run() -> None:
        begun.set()
        ends.wait(60)

    running = passwords._threads.submit(run)
    assert await asyncio.to_thread(begun.wait, 60)  # one that has not begun is cancelled
    try:
        closing = asyncio.to_thread(passwords.close)
        await asyncio.wait_for(closing, 30)
        assert not running.done()
    finally:
        ends.set()


async def test_hashing_threads_leave_the_cpu_to_the_event_loop(passwords: Argon2Passwords) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert await passwords._run(lambda: os.getpriority(os.PRIO_PROCESS, 0)) == max(own, NICENESS)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own
