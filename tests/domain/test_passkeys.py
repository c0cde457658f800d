"""Changes of a passkey beside its sign-ins, and its counter."""

import asyncio
from dataclasses import replace

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.identity import UserId
from jubilee.domain.passkeys.passkey import Passkey
from jubilee.domain.services import Services
from tests.conftest import SignUp
from tests.fakes.store import START, FakeStore


def make_passkey(user_id: UserId, sign_count: int = 1) -> Passkey:
    return Passkey(
        id=new_id(),
        user_id=user_id,
        credential_id=b"credential",
        public_key=b"key",
        sign_count=sign_count,
        name="Phone",
        backed_up=False,
        created_at=START,
    )


async def test_a_name_given_during_a_sign_in_leaves_its_counter(
    services: Services, store: FakeStore, sign_up: SignUp
) -> None:
    zoe = await sign_up("zoe")
    passkey = make_passkey(zoe.user.id)
    store.factors.passkeys[passkey.id] = passkey
    async with store.transaction() as signing_in:
        await signing_in.users.get(zoe.user.id, lock=True)
        await signing_in.passkeys.save(replace(passkey, sign_count=9))
        renamed = services.passkeys.rename(passkey.id, "Key", by=zoe.principal)
        renaming = asyncio.create_task(renamed)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not renaming.done()
    assert (await renaming).name == "Key"
    stored = store.factors.passkeys[passkey.id]
    assert (stored.name, stored.sign_count) == ("Key", 9)


@pytest.mark.parametrize(
    ("stored", "answered", "is_copied"),
    [(0, 0, False), (0, 1, False), (1, 0, True), (1, 1, True), (1, 2, False), (2, 1, True)],
)
def test_a_passkey_whose_counter_does_not_rise_is_copied(
    stored: int, answered: int, is_copied: bool
) -> None:
    assert make_passkey(UserId(new_id()), sign_count=stored).is_copied(answered) is is_copied
