"""Signing keys of several instances over one database: first key, rotation, retirement."""

import asyncio
import json
from datetime import timedelta

import jwt
import pytest

from jubilee.domain.audit.entry import AuditFilter
from jubilee.domain.auth.tokens import UnknownKey
from jubilee.domain.errors import Conflict, NotFound
from jubilee.domain.identity import OPERATOR
from jubilee.domain.signing_keys.key import PUBLISHED_AHEAD, UPGRADE_AHEAD, KeyAlgorithm, KeyState
from tests.contracts.accounts import add_sessions, add_users, make_session, make_user
from tests.contracts.conftest import Database
from tests.contracts.key_instances import (
    CLAIMS,
    EDDSA,
    ES256,
    LIFETIME,
    OTHER_SECRET,
    PERIOD,
    SECRET,
    Instance,
    instance,
    kid,
)
from tests.fakes.store import FakeClock


@pytest.fixture
async def two(database: Database, clock: FakeClock) -> tuple[Instance, Instance]:
    """Two instances that have loaded the first key."""
    pair = instance(database, clock), instance(database, clock)
    for each in pair:
        await each.keys.load()
    return pair


async def test_instances_that_start_together_agree_on_one_first_key(
    database: Database, clock: FakeClock
) -> None:
    started = [instance(database, clock) for _ in range(4)]
    await asyncio.gather(*(each.keys.load() for each in started))
    (key,) = await started[0].keys.list()
    assert {kid(each.sign()) for each in started} == {key.id}
    assert key.state(clock()) is KeyState.SIGNING


@pytest.mark.parametrize("algorithm", [EDDSA, ES256])
async def test_a_token_verifies_by_the_published_key_alone(
    database: Database, clock: FakeClock, algorithm: KeyAlgorithm
) -> None:
    one = instance(database, clock, algorithm=algorithm)
    await one.keys.load()
    (key,) = one.keys.published
    decoded = jwt.decode(
        one.sign(),
        jwt.PyJWK.from_json(key),
        [algorithm],
        {"verify_exp": False, "verify_iat": False},
        audience="there",
        issuer="here",
    )
    assert decoded["sub"] == str(CLAIMS.user_id)
    assert json.loads(key)["alg"] == algorithm
    assert "d" not in json.loads(key)


async def test_in_a_service_in_use_the_first_key_signs_when_the_upgrade_is_over(
    database: Database, clock: FakeClock
) -> None:
    zoe = make_user("zoe")
    await add_users(database, zoe)
    await add_sessions(database, make_session(zoe))
    upgraded = instance(database, clock)
    await upgraded.keys.load()
    before = upgraded.sign()
    assert (kid(before), len(upgraded.published)) == (None, 1)
    clock.tick(seconds=UPGRADE_AHEAD.total_seconds())
    assert kid(upgraded.sign()) == upgraded.published[0]


async def test_a_token_of_the_shared_secret_stays_valid_after_the_upgrade(
    database: Database, clock: FakeClock
) -> None:
    before = instance(database, clock, algorithm=None).sign()
    upgraded = instance(database, clock)
    await upgraded.keys.load()
    assert upgraded.accepts(before)
    clock.tick(seconds=LIFETIME.total_seconds())
    assert not upgraded.accepts(before)


async def test_check_25_a_rotated_key_is_published_before_it_signs_and_gone_after_its_last_token(
    two: tuple[Instance, Instance], clock: FakeClock
) -> None:
    one, other = two
    (first,) = one.published
    second = (await one.keys.rotate(by=OPERATOR)).id
    await one.keys.load()
    assert (kid(one.sign()), set(one.published)) == (first, {first, second})
    clock.tick(seconds=PUBLISHED_AHEAD.total_seconds() - 1)
    last = other.sign()  # which has not loaded the second key yet
    clock.tick(seconds=1)
    fresh = one.sign()
    assert (kid(last), kid(fresh)) == (first, second)
    with pytest.raises(UnknownKey):
        other.tokens.read(fresh, now=clock())
    await other.keys.load()
    assert [each.accepts(token) for each in two for token in (last, fresh)] == [True] * 4
    clock.tick(seconds=(LIFETIME + timedelta(minutes=10)).total_seconds())
    await one.upkeep()
    for each in two:
        await each.keys.load()
        assert each.published == [second]


async def test_a_key_that_signs_at_once_is_used_by_all_after_they_have_loaded_it(
    two: tuple[Instance, Instance],
) -> None:
    one, other = two
    added = await one.keys.rotate(by=OPERATOR, at_once=True)
    for each in two:
        await each.keys.load()
        assert kid(each.sign()) == added.id
    assert all(each.accepts(two[0].sign()) for each in (one, other))


async def test_workers_rotate_once_when_the_period_ends(
    two: tuple[Instance, Instance], clock: FakeClock
) -> None:
    clock.tick(seconds=(PERIOD - PUBLISHED_AHEAD).total_seconds() - 1)
    await asyncio.gather(*(each.upkeep() for each in two))
    assert len(await two[0].keys.list()) == 1
    clock.tick(seconds=1)
    await asyncio.gather(*(each.upkeep() for each in two))
    successor, _ = await two[0].keys.list()
    assert successor.signs_from == clock() + PUBLISHED_AHEAD


async def test_a_retired_key_signs_no_more_and_its_tokens_stay_valid(
    two: tuple[Instance, Instance], clock: FakeClock
) -> None:
    one, other = two
    (first,), before = one.published, one.sign()
    await one.keys.retire(first, by=OPERATOR)
    for each in two:
        await each.keys.load()
        assert kid(each.sign()) not in {first, None}
        assert each.accepts(before)
    assert {key.state(clock()) for key in await other.keys.list()} == {
        KeyState.RETIRED,
        KeyState.SIGNING,
    }


async def test_tokens_of_a_revoked_key_are_refused_though_they_were_read_before(
    two: tuple[Instance, Instance],
) -> None:
    one, other = two
    before = one.sign()
    assert all(each.accepts(before) for each in two)
    await one.keys.retire(one.published[0], by=OPERATOR, revoke=True)
    for each in two:
        await each.keys.load()
    assert not one.accepts(before)
    assert not other.accepts(before)
    assert other.accepts(one.sign())


async def test_retiring_the_key_that_signs_lets_the_published_one_sign(
    two: tuple[Instance, Instance],
) -> None:
    one, _ = two
    successor = await one.keys.rotate(by=OPERATOR)
    await one.keys.retire(one.published[0], by=OPERATOR)
    await one.keys.load()
    assert kid(one.sign()) == successor.id


async def test_an_unknown_key_is_not_retired(two: tuple[Instance, Instance]) -> None:
    with pytest.raises(NotFound):
        await two[0].keys.retire("unknown", by=OPERATOR)


async def test_without_an_algorithm_no_key_is_made(database: Database, clock: FakeClock) -> None:
    shared = instance(database, clock, algorithm=None)
    await shared.keys.load()
    await shared.upkeep()
    assert (kid(shared.sign()), await shared.keys.list()) == (None, [])
    with pytest.raises(Conflict):
        await shared.keys.rotate(by=OPERATOR)


async def test_another_algorithm_gets_its_own_key_beside_the_former(
    two: tuple[Instance, Instance], database: Database, clock: FakeClock
) -> None:
    before, changed = two[0].sign(), instance(database, clock, algorithm=ES256)
    await changed.keys.load()
    assert changed.accepts(before)
    assert jwt.get_unverified_header(changed.sign())["alg"] == ES256
    clock.tick(seconds=PERIOD.total_seconds())
    await changed.upkeep()
    former = [key for key in await changed.keys.list() if key.material.algorithm is EDDSA]
    assert [key.state(clock()) for key in former] == [KeyState.RETIRED]


async def test_a_replaced_secret_opens_the_keys_and_seals_them_anew(
    two: tuple[Instance, Instance], database: Database, clock: FakeClock
) -> None:
    token, rotated = two[0].sign(), instance(database, clock, OTHER_SECRET, SECRET)
    await rotated.keys.load()
    assert rotated.accepts(token)
    await rotated.upkeep()
    later = instance(database, clock, OTHER_SECRET)
    await later.keys.load()
    assert later.accepts(token)
    assert kid(later.sign()) == kid(token)


async def test_a_key_of_an_unknown_secret_is_neither_used_nor_published(
    two: tuple[Instance, Instance], database: Database, clock: FakeClock
) -> None:
    token, stranger = two[0].sign(), instance(database, clock, OTHER_SECRET)
    await stranger.keys.load()
    assert not stranger.accepts(token)
    assert kid(stranger.sign()) not in {kid(token), None}
    assert stranger.published == [kid(stranger.sign())]


async def test_changes_of_keys_are_audited(
    two: tuple[Instance, Instance], database: Database
) -> None:
    one, _ = two
    (first,) = one.published
    second = (await one.keys.rotate(by=OPERATOR, at_once=True)).id
    await one.keys.retire(first, by=OPERATOR)
    await one.keys.retire(first, by=OPERATOR, revoke=True)
    async with database.read() as view:
        rows = (await view.audit.page(AuditFilter(), after=None, limit=10)).rows
    by_time = [(row.event, row.actor_id, row.details["key_id"]) for row in reversed(rows)]
    operator = OPERATOR.user_id
    assert by_time == [
        ("signing_key_added", None, first),
        ("signing_key_added", operator, second),
        ("signing_key_retired", operator, first),
        ("signing_key_revoked", operator, first),
    ]
