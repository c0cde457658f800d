"""The guard of password checks: what is counted, locked and recorded."""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from time import monotonic

import pytest

from jubilee.domain.attempts.attempt import (
    DEFAULT_LIMITS,
    Admission,
    AttemptOutcome,
    LockEnd,
    PasswordAttempt,
    TooManyAttempts,
)
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.attempts.memory import MemoryAttemptStore
from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.auth.service import AuthService
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.errors import DomainError, Unavailable
from jubilee.domain.identity import UserId
from jubilee.domain.keyed_semaphore import KeyedSemaphore
from jubilee.domain.passwords import HasherBusy, PasswordChange
from jubilee.domain.services import Services
from jubilee.domain.users.user import Profile, WrongCurrentPassword
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.attempts import FakeAttemptObserver
from tests.fakes.passwords import FakePasswordHasher
from tests.fakes.store import FakeClock, FakeStore

HOME = ClientInfo("192.0.2.7", "as sign_up has it")
LIMIT = DEFAULT_LIMITS.account


def elsewhere(number: int = 0) -> ClientInfo:
    return ClientInfo(f"198.51.100.{number}", None)


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
def auth(services: Services) -> AuthService:
    return services.auth


async def outcome(auth: AuthService, login: str, password: str, client: ClientInfo) -> str:
    try:
        await auth.sign_in(login, password, client)
    except DomainError as error:
        return error.code
    return "signed in"


async def wrong_passwords(auth: AuthService, times: int, login: str = "zoe") -> Counter[str]:
    """Try so many wrong passwords at once, each from an address of its own."""
    tries = (outcome(auth, login, f"wrong {n}", elsewhere(n)) for n in range(times))
    return Counter(await asyncio.gather(*tries))


@pytest.mark.parametrize("login", ["zoe", "unknown"])
async def test_check_10_parallel_wrong_passwords_get_no_more_tries_than_successive_ones(
    auth: AuthService, zoe: Person, passwords: FakePasswordHasher, login: str
) -> None:
    passwords.checks = 0
    found = await wrong_passwords(auth, 50, login)
    assert found == {"invalid_grant": LIMIT, "too_many_attempts": 50 - LIMIT}
    assert passwords.checks == LIMIT


async def test_check_10_all_names_of_an_account_share_its_counter(
    auth: AuthService, zoe: Person
) -> None:
    await wrong_passwords(auth, LIMIT)
    found = await wrong_passwords(auth, 1, "Zoe@Example.com")
    assert found == {"too_many_attempts": 1}


async def test_check_10_the_counter_resets_after_success_and_after_the_lock(
    auth: AuthService, zoe: Person, clock: FakeClock
) -> None:
    await wrong_passwords(auth, LIMIT - 1)
    assert await outcome(auth, "zoe", PASSWORD, elsewhere(99)) == "signed in"
    assert await wrong_passwords(auth, LIMIT) == {"invalid_grant": LIMIT}
    assert await outcome(auth, "zoe", PASSWORD, elsewhere(50)) == "too_many_attempts"
    clock.tick(seconds=DEFAULT_LIMITS.window_s)
    assert await wrong_passwords(auth, LIMIT - 1) == {"invalid_grant": LIMIT - 1}
    assert await outcome(auth, "zoe", PASSWORD, elsewhere(50)) == "signed in"


def lock_entries(store: FakeStore) -> list[tuple[str, UserId | None, str]]:
    """Event, actor and reason of the entries about locks."""
    return [
        (entry.event, entry.actor_id, entry.details.get("reason", ""))
        for entry in store.audit
        if entry.event in {AuditEvent.ACCOUNT_LOCKED, AuditEvent.ACCOUNT_UNLOCKED}
    ]


@pytest.mark.usefixtures("zoe")
async def test_a_sign_in_is_observed_as_a_success(
    auth: AuthService, attempt_observer: FakeAttemptObserver
) -> None:
    before = attempt_observer.outcomes[AttemptOutcome.SUCCEEDED]
    assert await outcome(auth, "zoe", PASSWORD, HOME) == "signed in"
    assert attempt_observer.outcomes[AttemptOutcome.SUCCEEDED] == before + 1


async def test_check_10_a_lock_is_recorded_when_it_begins_and_when_it_ends(
    auth: AuthService,
    zoe: Person,
    store: FakeStore,
    attempt_observer: FakeAttemptObserver,
    clock: FakeClock,
) -> None:
    await wrong_passwords(auth, LIMIT + 5)
    await auth.guard.record_ended_locks()
    assert lock_entries(store) == [("account_locked", None, "")]
    clock.tick(seconds=DEFAULT_LIMITS.window_s)
    for _ in range(2):
        await auth.guard.record_ended_locks()
    assert lock_entries(store)[1:] == [("account_unlocked", None, "expired")]
    assert attempt_observer.locked == [zoe.user.id]
    assert attempt_observer.unlocked == [(zoe.user.id, LockEnd.EXPIRED)]
    outcomes = attempt_observer.outcomes
    assert (outcomes[AttemptOutcome.WRONG], outcomes[AttemptOutcome.REFUSED]) == (LIMIT, 5)


async def test_the_end_of_a_lock_is_recorded_after_an_outage(
    auth: AuthService, zoe: Person, guard: AttemptGuard, store: FakeStore, clock: FakeClock
) -> None:
    await wrong_passwords(auth, LIMIT)
    clock.tick(seconds=DEFAULT_LIMITS.window_s)
    store.broken = Unavailable()
    await guard.record_ended_locks()
    store.broken = None
    await guard.record_ended_locks()
    assert lock_entries(store)[1:] == [("account_unlocked", None, "expired")]


async def test_a_sign_in_ends_a_lock_whose_end_is_recorded_once_the_database_answers(
    guard: AttemptGuard, zoe: Person, store: FakeStore
) -> None:
    await guard.store.add_lock(zoe.user.id, seconds=60)
    async with guard.attempt(PasswordAttempt.sign_in("zoe", zoe.user.id, "198.51.100.1")):
        store.broken = Unavailable()
    store.broken = None
    assert lock_entries(store) == []
    await guard.record_ended_locks()
    assert lock_entries(store) == [("account_unlocked", None, "expired")]


async def test_an_unknown_login_is_limited_without_a_record(
    auth: AuthService, attempt_observer: FakeAttemptObserver
) -> None:
    await wrong_passwords(auth, LIMIT + 1, "unknown")
    assert attempt_observer.locked == []


async def test_check_11_one_password_at_many_accounts_locks_the_address(
    auth: AuthService, zoe: Person, attempt_observer: FakeAttemptObserver
) -> None:
    tries = [await outcome(auth, f"name{n}", "Spring 2026", elsewhere()) for n in range(100)]
    expected = {"invalid_grant": DEFAULT_LIMITS.address, "too_many_attempts": 40}
    assert Counter(tries) == expected
    assert attempt_observer.addresses == ["198.51.100.0"]
    assert await outcome(auth, "zoe", PASSWORD, elsewhere()) == "too_many_attempts"
    assert await outcome(auth, "zoe", PASSWORD, elsewhere(1)) == "signed in"


async def test_check_11_an_attacked_account_can_be_used_from_a_known_address_and_in_its_sessions(
    auth: AuthService, zoe: Person
) -> None:
    await wrong_passwords(auth, 50)
    assert (await auth.refresh(zoe.refresh_token)).user_id == zoe.user.id
    assert await outcome(auth, "zoe", PASSWORD, HOME) == "signed in"
    assert await outcome(auth, "zoe", PASSWORD, elsewhere(99)) == "too_many_attempts"


async def test_wrong_passwords_from_a_known_address_are_limited_too(
    auth: AuthService, zoe: Person
) -> None:
    tries = [await outcome(auth, "zoe", "wrong", HOME) for _ in range(LIMIT + 1)]
    assert tries == ["invalid_grant"] * LIMIT + ["too_many_attempts"]
    assert await outcome(auth, "zoe", PASSWORD, elsewhere()) == "signed in"


async def test_many_right_passwords_at_once_all_sign_in(auth: AuthService, zoe: Person) -> None:
    for client in (elsewhere(), HOME):
        tries = (outcome(auth, "zoe", PASSWORD, client) for _ in range(50))
        assert set(await asyncio.gather(*tries)) == {"signed in"}


async def test_a_check_that_could_not_be_made_is_not_counted(
    auth: AuthService,
    zoe: Person,
    passwords: FakePasswordHasher,
    attempt_observer: FakeAttemptObserver,
) -> None:
    @dataclass(slots=True)
    class BusyHasher(FakePasswordHasher):
        async def verify(self, password_hash: str | None, password: str) -> bool:
            raise HasherBusy

    busy = replace(auth, hasher=BusyHasher())
    tries = [await outcome(busy, "zoe", PASSWORD, elsewhere()) for _ in range(LIMIT + 1)]
    assert set(tries) == {"busy"}
    assert attempt_observer.outcomes[AttemptOutcome.UNCHECKED] == LIMIT + 1
    assert await outcome(auth, "zoe", PASSWORD, elsewhere()) == "signed in"


async def test_an_attempt_that_the_hasher_would_refuse_never_reaches_the_store(
    guard: AttemptGuard, attempt_observer: FakeAttemptObserver
) -> None:
    class UnusedStore(MemoryAttemptStore):
        async def begin(self, attempt: PasswordAttempt) -> Admission:
            pytest.fail("counted")

    def refuse() -> None:
        raise HasherBusy

    busy = replace(guard, store=UnusedStore(DEFAULT_LIMITS, monotonic), require_place=refuse)
    with pytest.raises(HasherBusy):
        async with busy.attempt(PasswordAttempt("user:1")):
            pytest.fail("admitted")
    assert attempt_observer.outcomes == {AttemptOutcome.UNCHECKED: 1}


async def test_an_attempt_that_waits_past_its_deadline_is_refused_as_busy(
    guard: AttemptGuard,
) -> None:
    waiting = replace(guard, pairs=KeyedSemaphore(1, max_waiting=1), time_left=lambda: 0.05)
    attempt = PasswordAttempt("user:1")
    async with waiting.attempt(attempt):
        with pytest.raises(HasherBusy):
            async with waiting.attempt(attempt):
                pytest.fail("two attempts at a time")


async def change_password(services: Services, person: Person, current: str) -> None:
    change = PasswordChange(new="another good password", current=current)
    await services.users.change(person.user.id, Profile(), change, by=person.principal)


async def test_guesses_at_the_current_password_are_limited_in_each_session(
    services: Services, zoe: Person, passwords: FakePasswordHasher
) -> None:
    passwords.checks = 0
    tries = (change_password(services, zoe, f"wrong {n}") for n in range(50))
    found = Counter(map(type, await asyncio.gather(*tries, return_exceptions=True)))
    assert found == {WrongCurrentPassword: LIMIT, TooManyAttempts: 50 - LIMIT}
    assert passwords.checks == LIMIT
    assert await outcome(services.auth, "zoe", PASSWORD, elsewhere()) == "signed in"


async def test_sign_ins_from_elsewhere_do_not_lock_the_change_of_a_password(
    services: Services, zoe: Person
) -> None:
    await wrong_passwords(services.auth, 50)
    await change_password(services, zoe, PASSWORD)
    assert await outcome(services.auth, "zoe", "another good password", HOME) == "signed in"


async def test_an_admin_lifts_a_lock(
    services: Services, zoe: Person, sign_up: SignUp, store: FakeStore
) -> None:
    ada = await sign_up("ada", is_superuser=True)
    await wrong_passwords(services.auth, LIMIT)
    assert await services.account_locks.unlock(zoe.user.id, by=ada.principal)
    assert not await services.account_locks.unlock(zoe.user.id, by=ada.principal)
    assert lock_entries(store)[1:] == [("account_unlocked", ada.user.id, "lifted")]
    assert await outcome(services.auth, "zoe", PASSWORD, elsewhere()) == "signed in"


async def test_the_right_password_of_a_disabled_account_counts_as_wrong(
    auth: AuthService, zoe: Person, store: FakeStore
) -> None:
    store.users[zoe.user.id] = replace(zoe.user, is_active=False)
    tries = [await outcome(auth, "zoe", PASSWORD, elsewhere()) for _ in range(LIMIT + 1)]
    assert tries[-2:] == ["invalid_grant", "too_many_attempts"]
