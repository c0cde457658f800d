"""The check of new passwords for leaks."""

from dataclasses import replace

import pytest

from jubilee.domain.breaches import PAUSE_S, BreachCheck, BreachCheckOutcome
from jubilee.domain.passwords import PasswordChange, PasswordLeaked, PasswordRules
from jubilee.domain.services import Services
from jubilee.domain.users.user import Profile
from tests.conftest import PASSWORD, SignUp
from tests.fakes.breaches import FakeBreachObserver, FakeBreachReader
from tests.fakes.passwords import FakePasswordHasher
from tests.fakes.store import FakeClock

LEAKED, DIGEST = "hunter2 hunter2", "59F82E9E7C06A040FD3664C3E4BE5BB2653EB008"
PROFILE = Profile(email="zoe@example.com")


@pytest.fixture
def reader() -> FakeBreachReader:
    return FakeBreachReader(frozenset({DIGEST}))


@pytest.fixture
def observer() -> FakeBreachObserver:
    return FakeBreachObserver()


@pytest.fixture
def check(reader: FakeBreachReader, observer: FakeBreachObserver, clock: FakeClock) -> BreachCheck:
    return BreachCheck(reader, observer, lambda: clock().timestamp(), timeout_s=0.05)


@pytest.fixture
def services(services: Services, check: BreachCheck) -> Services:
    users = replace(services.users, rules=PasswordRules(8, (), breaches=check))
    return replace(services, users=users)


async def test_check_5_a_leaked_password_is_refused_and_never_hashed(
    services: Services, passwords: FakePasswordHasher, observer: FakeBreachObserver
) -> None:
    with pytest.raises(PasswordLeaked) as refused:
        await services.users.register(PROFILE, LEAKED)
    assert refused.value.pointer == "/password"
    assert passwords.hashed == 0
    assert observer.outcomes == [BreachCheckOutcome.LEAKED]


async def test_check_5_a_changed_password_is_checked_too(
    services: Services, sign_up: SignUp
) -> None:
    zoe = await sign_up("zoe")
    change = PasswordChange(new=LEAKED, current=PASSWORD)
    with pytest.raises(PasswordLeaked):
        await services.users.change(zoe.user.id, {}, change, by=zoe.principal)


@pytest.mark.parametrize("failure", ["cause", "hangs"])
async def test_check_5_a_dead_source_refuses_no_password_and_is_left_alone_for_a_while(
    services: Services,
    reader: FakeBreachReader,
    observer: FakeBreachObserver,
    clock: FakeClock,
    failure: str,
) -> None:
    setattr(reader, failure, "status 500")
    for number in range(3):
        await services.users.register(Profile(email=f"zoe{number}@example.com"), LEAKED)
    assert len(reader.asked) == 1
    assert observer.outcomes == [BreachCheckOutcome.UNCHECKED] * 3
    assert observer.causes in (["status 500"], ["no answer in time"])
    clock.tick(seconds=PAUSE_S)
    await services.users.register(PROFILE, LEAKED)
    assert len(reader.asked) == 2


async def test_a_password_that_was_never_leaked_is_accepted(
    services: Services, observer: FakeBreachObserver
) -> None:
    await services.users.register(PROFILE, PASSWORD)
    assert observer.outcomes == [BreachCheckOutcome.NOT_FOUND]


async def test_a_leak_is_found_in_every_spelling(
    services: Services, reader: FakeBreachReader
) -> None:
    with pytest.raises(PasswordLeaked):
        await services.users.register(
            PROFILE, "\uff48\uff55\uff4e\uff54\uff45\uff52\uff12\u3000hunter2"
        )
    assert reader.asked == [DIGEST]
