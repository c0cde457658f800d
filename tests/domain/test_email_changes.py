"""Changes of address, their undoing, and what stays of the former one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.one_time.link import InvalidLink, LinkToken
from jubilee.domain.services import Services
from jubilee.domain.users.user import EmailTaken, WrongCurrentPassword
from tests.conftest import PASSWORD, Person, SignUp
from tests.domain.email_accounts import (
    CLIENT,
    NEW,
    NEW_PASSWORD,
    NEWER,
    OLD,
    RESET,
    Account,
    account,
    change,
    zoe,
)
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.store import FakeClock

__all__ = ["account", "zoe"]


async def test_check_16_the_old_address_stays_until_the_new_one_is_confirmed(
    services: Services, mails: FakeMailWorker, zoe: Person, account: Account
) -> None:
    await services.email_changes.request(NEW, PASSWORD, by=zoe.principal)
    token = (await mails.link()).token
    assert mails.subjects[-1] == (NEW, "Confirm your new e-mail address")
    assert account().email == OLD
    await services.email_changes.confirm(LinkToken(token), CLIENT)
    assert (mails.store.audit[-1].event, mails.store.audit[-1].details) == ("email_changed", {})
    assert account().email == NEW
    assert account().email_verified


async def test_a_change_of_address_is_confirmed_once(
    services: Services, mails: FakeMailWorker, zoe: Person
) -> None:
    await services.email_changes.request(NEW, PASSWORD, by=zoe.principal)
    proof = LinkToken((await mails.link()).token)
    await services.email_changes.confirm(proof, CLIENT)
    with pytest.raises(InvalidLink):
        await services.email_changes.confirm(proof, CLIENT)


async def test_check_16_a_change_of_address_needs_the_current_password(
    services: Services, mails: FakeMailWorker, zoe: Person
) -> None:
    await mails.run()
    with pytest.raises(WrongCurrentPassword):
        await services.email_changes.request(NEW, "wrong", by=zoe.principal)
    assert await mails.run() == []


async def test_check_16_the_old_address_is_told_and_can_undo_the_change_for_72_hours(
    services: Services, mails: FakeMailWorker, zoe: Person, account: Account, clock: FakeClock
) -> None:
    undo = await change(services, mails, zoe, NEW)
    assert mails.subjects[-1] == (OLD, "Your e-mail address was changed")
    clock.tick(hours=71)
    before = len(mails.store.audit)
    await services.email_changes.undo(LinkToken(undo), CLIENT)
    assert account().email == OLD
    assert not mails.store.sessions
    recorded = [(entry.event, entry.details) for entry in mails.store.audit[before:]]
    assert recorded == [("email_changed", {"reason": "undone"}), ("sessions_ended", {})]
    await mails.run()
    assert mails.subjects[-1] == (OLD, "Your e-mail address was restored")


async def test_check_16_the_undo_expires_after_72_hours(
    services: Services, mails: FakeMailWorker, zoe: Person, clock: FakeClock
) -> None:
    undo = await change(services, mails, zoe, NEW)
    clock.tick(hours=72)
    with pytest.raises(InvalidLink):
        await services.email_changes.undo(LinkToken(undo), CLIENT)


async def test_check_16_the_first_address_can_be_restored_after_two_changes_and_stays(
    services: Services, mails: FakeMailWorker, zoe: Person, account: Account
) -> None:
    first = await change(services, mails, zoe, NEW)
    second = await change(services, mails, zoe, NEWER)
    await services.email_changes.undo(LinkToken(first), CLIENT)
    assert account().email == OLD
    with pytest.raises(InvalidLink):
        await services.email_changes.undo(LinkToken(second), CLIENT)


async def test_check_16_the_undo_saves_an_account_that_a_thief_has_moved_and_deleted(
    services: Services, mails: FakeMailWorker, zoe: Person, account: Account, clock: FakeClock
) -> None:
    undo = await change(services, mails, zoe, NEW)
    deletions = replace(services.deletions, grace=timedelta(days=3))
    await deletions.delete(zoe.user.id, by=zoe.principal)
    thief = LinkToken((await mails.link()).token)
    clock.tick(hours=71)
    await services.email_changes.undo(LinkToken(undo), CLIENT)
    assert (account().email, account().is_active) == (OLD, True)
    assert (mails.store.deletions, mails.store.sessions) == ({}, {})
    assert AuditEvent.DELETION_UNDONE in [entry.event for entry in mails.store.audit]
    with pytest.raises(InvalidLink):
        await deletions.restore_by_link(thief, CLIENT)


async def test_check_16_the_undo_survives_a_deletion_that_the_thief_takes_back(
    services: Services, mails: FakeMailWorker, zoe: Person, account: Account
) -> None:
    undo = await change(services, mails, zoe, NEW)
    deletions = replace(services.deletions, grace=timedelta(days=3))
    await deletions.delete(zoe.user.id, by=zoe.principal)
    await deletions.restore(NEW, PASSWORD, ClientInfo(CLIENT, None))
    await services.email_changes.undo(LinkToken(undo), CLIENT)
    assert account().email == OLD


async def test_the_undo_is_refused_for_an_account_that_an_admin_has_disabled(
    services: Services, mails: FakeMailWorker, zoe: Person, account: Account
) -> None:
    undo = await change(services, mails, zoe, NEW)
    mails.store.users[zoe.user.id] = replace(account(), is_active=False)
    with pytest.raises(InvalidLink):
        await services.email_changes.undo(LinkToken(undo), CLIENT)
    assert account().email == NEW


async def test_check_9_a_taken_address_gets_a_notice_and_the_change_no_link(
    services: Services, mails: FakeMailWorker, zoe: Person, sign_up: SignUp
) -> None:
    await sign_up("max")
    await mails.run()
    await services.email_changes.request("max@example.com", PASSWORD, by=zoe.principal)
    await mails.run()
    assert mails.subjects[-1] == ("max@example.com", "Your address already has an account")
    assert not mails.store.links


async def test_a_change_to_the_own_address_sends_no_mail(
    services: Services, mails: FakeMailWorker, zoe: Person
) -> None:
    await mails.run()
    await services.email_changes.request("ZOE@example.com", PASSWORD, by=zoe.principal)
    assert await mails.run() == []


async def test_an_address_that_was_taken_meanwhile_is_refused(
    services: Services, mails: FakeMailWorker, zoe: Person, sign_up: SignUp
) -> None:
    await services.email_changes.request("max@example.com", PASSWORD, by=zoe.principal)
    proof = LinkToken((await mails.link()).token)
    await sign_up("max")
    with pytest.raises(EmailTaken):
        await services.email_changes.confirm(proof, CLIENT)


async def test_a_reset_link_to_a_former_address_is_void(
    services: Services, mails: FakeMailWorker, zoe: Person
) -> None:
    await services.link_requests.request(RESET, OLD)
    proof = LinkToken((await mails.link()).token)
    await change(services, mails, zoe, NEW)
    with pytest.raises(InvalidLink):
        await services.password_resets.reset(proof, NEW_PASSWORD, CLIENT)
