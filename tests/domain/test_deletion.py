"""Deletion of one's own account with days of grace."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.auth.tokens import InvalidGrant, InvalidToken
from jubilee.domain.errors import NotAllowed
from jubilee.domain.jobs.kinds import InvalidPayload
from jubilee.domain.jobs.retries import DAY_OF_ATTEMPTS
from jubilee.domain.leaving.deletion import ERASE, DeletionService, EraseAccount
from jubilee.domain.one_time.link import InvalidLink, LinkToken, TypedCode
from jubilee.domain.services import Services
from jubilee.domain.users.user import LastAdmin, UserNotFound
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.job_contexts import job_context
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.passwords import FakePasswordHasher
from tests.fakes.store import FakeClock, FakeStore, FakeTransaction

GRACE = timedelta(days=14)
EMAIL = "zoe@example.com"
PHONE = ClientInfo("192.0.2.8", "phone")


@pytest.fixture
def deletions(services: Services) -> DeletionService:
    return replace(services.deletions, grace=GRACE)


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


async def run_erasures(store: FakeStore) -> None:
    """Run every erasure that was ever enqueued, as workers may."""

    @asynccontextmanager
    async def complete(
        result: Mapping[str, object] | None = None,
    ) -> AsyncIterator[FakeTransaction]:
        del result
        async with store.transaction() as tx:
            yield tx

    kind = EraseAccount()
    for job in [job for job in store.jobs if job.kind == ERASE]:
        await kind.run(job_context(kind.read(job.data)), complete)


def events(store: FakeStore) -> list[str]:
    return [entry.event for entry in store.audit]


async def test_without_grace_an_account_is_deleted_at_once(
    services: Services, zoe: Person, store: FakeStore
) -> None:
    assert await services.deletions.delete(zoe.user.id, by=zoe.principal) is None
    assert (store.users, store.deletions) == ({}, {})


async def test_check_45_a_deleted_account_cannot_be_used_during_its_grace(
    deletions: DeletionService, services: Services, zoe: Person, store: FakeStore, clock: FakeClock
) -> None:
    due_at = await deletions.delete(zoe.user.id, by=zoe.principal)
    assert due_at == clock() + GRACE
    [job] = [job for job in store.jobs if job.kind == ERASE]
    assert (job.run_at, job.max_attempts) == (due_at, DAY_OF_ATTEMPTS)
    with pytest.raises(InvalidToken):
        await services.auth.authenticate(zoe.headers["Authorization"].partition(" ")[2])
    for refused in (
        services.auth.refresh(zoe.refresh_token),
        services.auth.sign_in("zoe", PASSWORD, PHONE),
    ):
        with pytest.raises(InvalidGrant):
            await refused
    assert AuditEvent.DELETION_REQUESTED in events(store)


async def test_check_45_a_restored_account_is_never_erased(
    deletions: DeletionService, services: Services, zoe: Person, store: FakeStore, clock: FakeClock
) -> None:
    await deletions.delete(zoe.user.id, by=zoe.principal)
    clock.tick(days=13)
    await deletions.restore("ZOE@example.com", PASSWORD, PHONE)
    clock.tick(days=1)
    await run_erasures(store)
    await services.auth.sign_in("zoe", PASSWORD, PHONE)
    assert store.deletions == {}
    assert AuditEvent.DELETION_UNDONE in events(store)


async def test_check_45_an_account_is_erased_at_the_end_of_its_grace_once(
    deletions: DeletionService, zoe: Person, store: FakeStore
) -> None:
    await deletions.delete(zoe.user.id, by=zoe.principal)
    for _ in range(2):
        await run_erasures(store)
    assert (store.users, store.sessions, store.deletions) == ({}, {}, {})
    assert events(store).count(AuditEvent.ACCOUNT_DELETED) == 1
    with pytest.raises(InvalidGrant):
        await deletions.restore("zoe", PASSWORD, PHONE)


async def test_of_parallel_deletions_one_is_mailed_and_carried_out(
    deletions: DeletionService, zoe: Person, store: FakeStore, clock: FakeClock
) -> None:
    due_at = await deletions.delete(zoe.user.id, by=zoe.principal)
    before = len(store.jobs), len(store.audit)
    clock.tick(seconds=1)  # the other was authenticated before the first ended its session
    assert await deletions.delete(zoe.user.id, by=zoe.principal) == due_at
    assert (len(store.jobs), len(store.audit)) == before


async def test_a_second_deletion_has_its_whole_grace(
    deletions: DeletionService, services: Services, zoe: Person, store: FakeStore, clock: FakeClock
) -> None:
    await deletions.delete(zoe.user.id, by=zoe.principal)
    await deletions.restore("zoe", PASSWORD, PHONE)
    await services.auth.sign_in("zoe", PASSWORD, PHONE)
    clock.tick(days=10)
    await deletions.delete(zoe.user.id, by=zoe.principal)
    first, second = [job for job in store.jobs if job.kind == ERASE]
    store.jobs.remove(second)
    await run_erasures(store)
    assert list(store.users) == [zoe.user.id]
    store.jobs[:] = [second]
    await run_erasures(store)
    assert (first.run_at, store.users) == (clock() + GRACE - timedelta(days=10), {})


async def test_an_account_that_an_admin_enables_again_is_not_erased(
    deletions: DeletionService, zoe: Person, store: FakeStore
) -> None:
    await deletions.delete(zoe.user.id, by=zoe.principal)
    store.users[zoe.user.id] = replace(store.users[zoe.user.id], is_active=True)
    await run_erasures(store)
    assert list(store.users) == [zoe.user.id]
    assert store.deletions == {}


async def test_an_account_without_a_password_is_restored_once_by_the_mail_about_its_deletion(
    deletions: DeletionService, zoe: Person, store: FakeStore, mails: FakeMailWorker
) -> None:
    store.users[zoe.user.id] = replace(store.users[zoe.user.id], password_hash=None)
    await deletions.delete(zoe.user.id, by=zoe.principal)
    link = await mails.link()
    assert (mails.subjects[-1], link.page) == ((EMAIL, "Your account will be deleted"), "restore")
    await deletions.restore_by_link(LinkToken(link.token), PHONE.ip)
    assert store.users[zoe.user.id].is_active
    await run_erasures(store)
    assert list(store.users) == [zoe.user.id]
    with pytest.raises(InvalidLink):
        await deletions.restore_by_link(LinkToken(link.token), PHONE.ip)


async def test_an_account_is_restored_by_the_code_of_the_mail_until_the_end_of_its_grace(
    deletions: DeletionService, zoe: Person, clock: FakeClock, mails: FakeMailWorker
) -> None:
    await deletions.delete(zoe.user.id, by=zoe.principal)
    code = TypedCode(EMAIL, (await mails.link()).code)
    clock.tick(days=13)
    await deletions.restore_by_link(code, PHONE.ip)
    await deletions.delete(zoe.user.id, by=zoe.principal)
    code = TypedCode(EMAIL, (await mails.link()).code)
    clock.tick(days=14)
    with pytest.raises(InvalidLink):
        await deletions.restore_by_link(code, PHONE.ip)


async def test_the_link_of_a_deletion_that_was_undone_restores_no_later_one(
    deletions: DeletionService, zoe: Person, mails: FakeMailWorker
) -> None:
    await deletions.delete(zoe.user.id, by=zoe.principal)
    first = LinkToken((await mails.link()).token)
    await deletions.restore("zoe", PASSWORD, PHONE)
    await deletions.delete(zoe.user.id, by=zoe.principal)
    with pytest.raises(InvalidLink):
        await deletions.restore_by_link(first, PHONE.ip)


async def test_the_link_of_a_deletion_restores_no_account_that_an_admin_has_disabled(
    deletions: DeletionService, zoe: Person, store: FakeStore, mails: FakeMailWorker
) -> None:
    await deletions.delete(zoe.user.id, by=zoe.principal)
    link = LinkToken((await mails.link()).token)
    store.deletions.clear()
    with pytest.raises(InvalidLink):
        await deletions.restore_by_link(link, PHONE.ip)
    assert not store.users[zoe.user.id].is_active


@pytest.mark.parametrize(
    ("login", "password"), [("zoe", "wrong"), ("unknown", PASSWORD), ("max", PASSWORD)]
)
async def test_check_8_restoring_refuses_every_wrong_credential_alike_after_one_check(
    services: Services, sign_up: SignUp, passwords: FakePasswordHasher, login: str, password: str
) -> None:
    deletions, zoe = replace(services.deletions, grace=GRACE), await sign_up("zoe")
    await sign_up("max")  # whose account is not to be deleted
    await deletions.delete(zoe.user.id, by=zoe.principal)
    passwords.checks = 0
    with pytest.raises(InvalidGrant) as refused:
        await deletions.restore(login, password, PHONE)
    assert (passwords.checks, str(refused.value)) == (1, InvalidGrant.message())


async def test_the_last_admin_cannot_leave(deletions: DeletionService, sign_up: SignUp) -> None:
    root = await sign_up("root", is_superuser=True)
    with pytest.raises(LastAdmin):
        await deletions.delete(root.user.id, by=root.principal)


async def test_an_admin_deletes_another_account_at_once(
    deletions: DeletionService, sign_up: SignUp, zoe: Person, store: FakeStore
) -> None:
    root = await sign_up("root", is_superuser=True)
    with pytest.raises(NotAllowed):
        await deletions.delete(root.user.id, by=zoe.principal)
    assert await deletions.delete(zoe.user.id, by=root.principal) is None
    assert list(store.users) == [root.user.id]


async def test_an_erasure_of_an_account_that_is_gone_does_nothing(
    deletions: DeletionService, services: Services, zoe: Person, sign_up: SignUp, store: FakeStore
) -> None:
    root = await sign_up("root", is_superuser=True)
    await deletions.delete(zoe.user.id, by=zoe.principal)
    await services.users.delete(zoe.user.id, by=root.principal)
    await run_erasures(store)
    with pytest.raises(UserNotFound):
        await services.users.find("zoe")


@pytest.mark.parametrize(
    "data",
    [{}, {"user_id": "zoe", "due_at": "2026-12-04T09:00:00Z"}, {"user_id": 1, "due_at": "never"}],
)
def test_a_malformed_erasure_is_refused(data: Mapping[str, object]) -> None:
    with pytest.raises(InvalidPayload):
        EraseAccount().read(data)
