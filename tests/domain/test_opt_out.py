"""Turning greetings off by their link."""

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.greetings.opt_out import OptOutTokens
from jubilee.domain.identity import UserId
from jubilee.domain.one_time.link import InvalidLink
from jubilee.domain.services import Services
from tests.conftest import Person, SignUp
from tests.domain.greeting_harness import OPT_OUT
from tests.fakes.store import FakeStore


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


async def test_a_token_turns_the_greetings_of_its_account_off_also_repeatedly(
    services: Services, zoe: Person, store: FakeStore, sign_up: SignUp
) -> None:
    other = await sign_up("max")
    for _ in range(2):
        await services.opt_out.stop(OPT_OUT.sign(zoe.user.id))
    assert not store.users[zoe.user.id].birthday_greeting
    assert store.users[other.user.id].birthday_greeting


async def test_a_forged_token_and_one_of_a_deleted_account_are_refused(
    services: Services, zoe: Person
) -> None:
    token = OPT_OUT.sign(zoe.user.id)
    deleted = OPT_OUT.sign(UserId(new_id()))
    forged = OptOutTokens(b"x" * 32).sign(zoe.user.id)
    for bad in ("", "x", "ä", token[:-2], token + "A", forged, deleted):
        with pytest.raises(InvalidLink):
            await services.opt_out.stop(bad)


def test_a_token_of_a_previous_key_is_accepted() -> None:
    user_id = UserId(new_id())
    old, new = b"o" * 32, b"n" * 32
    assert OptOutTokens(new, (old,)).read(OptOutTokens(old).sign(user_id)) == user_id
