"""Verification, resets and changes of address, over the fakes and the real templates."""

import asyncio
from dataclasses import replace

import pytest

from jubilee.domain.attempts.attempt import TooManyAttempts
from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.one_time.issuing import MAX_LINKS_PER_HOUR
from jubilee.domain.one_time.link import InvalidLink, LinkPurpose, LinkToken, TypedCode
from jubilee.domain.passwords import PasswordTooShort
from jubilee.domain.services import Services
from jubilee.domain.users.user import EmailPolicy, EmailVerification
from tests.conftest import Person, SignUp
from tests.domain.email_accounts import CLIENT, NEW_PASSWORD, OLD, RESET, Account, account, zoe
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.store import FakeClock, FakeStore

__all__ = ["account", "zoe"]


OPTIONAL = pytest.mark.parametrize(
    "email_policy", [EmailPolicy(EmailVerification.OPTIONAL)], ids=["optional"]
)


async def test_an_address_is_verified_by_its_link_and_the_account_is_welcomed(
    services: Services, mails: FakeMailWorker, zoe: Person, account: Account
) -> None:
    await services.link_requests.request(LinkPurpose.VERIFY_EMAIL, "ZOE@example.com")
    await services.verification.verify(LinkToken((await mails.link()).token), None)
    assert account().email_verified
    assert [event.event for event in mails.store.audit][-1] == AuditEvent.EMAIL_VERIFIED


async def test_an_address_is_verified_by_the_typed_code(
    services: Services, mails: FakeMailWorker, zoe: Person, account: Account
) -> None:
    await services.link_requests.request(LinkPurpose.VERIFY_EMAIL, OLD)
    code = (await mails.link()).code
    await services.verification.verify(TypedCode("Zoe@example.com", code.lower()), CLIENT)
    assert account().email_verified


async def test_check_14_a_link_is_used_once_within_its_time_and_for_its_purpose(
    services: Services, mails: FakeMailWorker, zoe: Person, clock: FakeClock
) -> None:
    await services.link_requests.request(RESET, OLD)
    proof = LinkToken((await mails.link()).token)
    with pytest.raises(InvalidLink):
        await services.verification.verify(proof, CLIENT)
    await services.password_resets.reset(proof, NEW_PASSWORD, CLIENT)
    with pytest.raises(InvalidLink):
        await services.password_resets.reset(proof, NEW_PASSWORD, CLIENT)
    await services.link_requests.request(RESET, OLD)
    late = LinkToken((await mails.link()).token)
    clock.tick(hours=1)
    with pytest.raises(InvalidLink):
        await services.password_resets.reset(late, NEW_PASSWORD, CLIENT)


async def test_check_14_a_newer_link_voids_the_older_one(
    services: Services, mails: FakeMailWorker, zoe: Person
) -> None:
    await services.link_requests.request(RESET, OLD)
    older = LinkToken((await mails.link()).token)
    await services.link_requests.request(RESET, OLD)
    newer = LinkToken((await mails.link()).token)
    with pytest.raises(InvalidLink):
        await services.password_resets.reset(older, NEW_PASSWORD, CLIENT)
    await services.password_resets.reset(newer, NEW_PASSWORD, CLIENT)


async def test_check_14_of_parallel_uses_of_a_link_one_succeeds(
    services: Services, mails: FakeMailWorker, zoe: Person
) -> None:
    await services.link_requests.request(RESET, OLD)
    proof = LinkToken((await mails.link()).token)
    uses = [services.password_resets.reset(proof, f"{NEW_PASSWORD} {n}", CLIENT) for n in range(10)]
    ends = await asyncio.gather(*uses, return_exceptions=True)
    assert [type(end) for end in ends if end is not None] == [InvalidLink] * 9


async def test_check_14_the_link_of_another_account_changes_only_that_account(
    services: Services, mails: FakeMailWorker, zoe: Person, account: Account, sign_up: SignUp
) -> None:
    await sign_up("max")
    before = account()
    await services.link_requests.request(RESET, "max@example.com")
    await services.password_resets.reset(
        LinkToken((await mails.link()).token), NEW_PASSWORD, CLIENT
    )
    assert account() == before


async def test_check_14_codes_are_guessed_at_known_and_unknown_addresses_alike(
    services: Services, mails: FakeMailWorker, zoe: Person
) -> None:
    await services.link_requests.request(RESET, OLD)
    code = (await mails.link()).code
    for address in (OLD, "unknown@example.com"):
        for _ in range(10):
            with pytest.raises(InvalidLink):
                await services.password_resets.reset(
                    TypedCode(address, "AAAA-AAAA"), NEW_PASSWORD, CLIENT
                )
        with pytest.raises(TooManyAttempts):
            await services.password_resets.reset(TypedCode(address, code), NEW_PASSWORD, CLIENT)
    refused = [e for e in mails.store.audit if e.event == AuditEvent.MAIL_CODE_REFUSED]
    assert [e.subject_id for e in refused] == [zoe.user.id] * 10 + [None] * 10


async def test_check_15_a_reset_ends_all_sessions_and_links_and_tells_by_mail(
    services: Services, mails: FakeMailWorker, zoe: Person, store: FakeStore
) -> None:
    await services.link_requests.request(LinkPurpose.VERIFY_EMAIL, OLD)
    verification = LinkToken((await mails.link()).token)
    await services.link_requests.request(RESET, OLD)
    proof = LinkToken((await mails.link()).token)
    recorded = len(store.audit)
    await services.password_resets.reset(proof, NEW_PASSWORD, CLIENT)
    assert [entry.event for entry in store.audit[recorded:]] == [
        "password_changed",
        "sessions_ended",
    ]
    assert not store.sessions
    with pytest.raises(InvalidLink):
        await services.verification.verify(verification, CLIENT)
    assert [m.subject for m in await mails.run()] == ["Your password was changed"]


async def test_a_refused_password_leaves_the_link_usable(
    services: Services, mails: FakeMailWorker, zoe: Person
) -> None:
    await services.link_requests.request(RESET, OLD)
    proof = LinkToken((await mails.link()).token)
    with pytest.raises(PasswordTooShort):
        await services.password_resets.reset(proof, "short", CLIENT)
    await services.password_resets.reset(proof, NEW_PASSWORD, CLIENT)


async def test_a_disabled_account_and_an_unknown_address_get_no_mail(
    services: Services, mails: FakeMailWorker, zoe: Person, store: FakeStore
) -> None:
    await mails.run()
    store.users[zoe.user.id] = replace(zoe.user, is_active=False)
    for purpose in (RESET, LinkPurpose.VERIFY_EMAIL):
        for address in (OLD, "unknown@example.com", "zoe"):
            await services.link_requests.request(purpose, address)
    assert await mails.run() == []


async def test_an_account_gets_a_bounded_number_of_mails_an_hour(
    services: Services, mails: FakeMailWorker, zoe: Person
) -> None:
    await mails.run()
    for _ in range(MAX_LINKS_PER_HOUR + 3):
        await services.link_requests.request(RESET, OLD)
    # A mail whose link a newer one has voided is not sent.
    assert len(await mails.run()) == 1
    assert len(mails.store.links) == MAX_LINKS_PER_HOUR


async def test_mails_are_in_the_language_of_the_account(
    services: Services, mails: FakeMailWorker, sign_up: SignUp
) -> None:
    await sign_up("max", locale="de", full_name="Max Maler")
    await services.link_requests.request(RESET, "max@example.com")
    await mails.run()
    assert [subject for _, subject in mails.subjects] == [
        "Willkommen bei Jubilee",
        "Setzen Sie ein neues Passwort",
    ]
    assert mails.sender.sent[-1].text.startswith("Hallo Max Maler,")


@OPTIONAL
async def test_registration_verifies_the_address_and_then_welcomes_the_account_once(
    services: Services, mails: FakeMailWorker, zoe: Person
) -> None:
    proof = LinkToken((await mails.link()).token)
    assert mails.subjects == [(OLD, "Confirm your e-mail address")]
    await services.verification.verify(proof, CLIENT)
    await mails.run()
    assert [subject for _, subject in mails.subjects][1:] == ["Welcome to Jubilee"]
