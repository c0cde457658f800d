"""Jobs of account mails: payloads, and mails that are not sent."""

from collections.abc import Mapping
from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.bootstrap.service_ports import Ports
from jubilee.domain.account_email.registration import RegisterAccount
from jubilee.domain.account_email.requests import IssueLink, LinkRequest
from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.jobs.kinds import InvalidPayload, PermanentFailure
from jubilee.domain.jobs.payload import MASK
from jubilee.domain.mail_delivery import AccountMail
from jubilee.domain.one_time.issuing import LinkIssuer
from jubilee.domain.one_time.link import LinkPurpose
from jubilee.domain.one_time.secrets import LinkSecrets
from jubilee.domain.users.registration import RegistrationMail
from jubilee.domain.users.user import EmailPolicy
from tests.conftest import Person, SignUp
from tests.fakes.job_contexts import RecordedCompletions, job_context
from tests.fakes.mail import FakeMailSender, fake_mail_service
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.store import FakeStore

USER = str(new_id())


@pytest.fixture
def mailer() -> FakeMailSender:
    return FakeMailSender()


@pytest.fixture
def kind(mailer: FakeMailSender, ports: Ports) -> AccountMail:
    return AccountMail(fake_mail_service(mailer), ports.read, ports.link_secrets, ports.clock)


@pytest.fixture
def issue_link(ports: Ports) -> IssueLink:
    issuer = LinkIssuer(ports.link_secrets, ports.clock, new_id)
    return IssueLink(issuer, ports.address_cipher, new_id)


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({}, "/data/template"),
        ({"template": "unknown", "user_id": USER}, "/data/template"),
        ({"template": "verify_email"}, "/data/user_id"),
        ({"template": "verify_email", "user_id": "zoe"}, "/data/user_id"),
        ({"template": "verify_email", "user_id": USER, "link_id": "x"}, "/data/link_id"),
        ({"template": "verify_email", "user_id": USER, "values": "x"}, "/data/values"),
        ({"template": "verify_email", "user_id": USER, "to": "x"}, "/data/to"),
    ],
)
def test_an_invalid_payload_is_refused_by_its_pointer(
    kind: AccountMail, data: Mapping[str, object], pointer: str
) -> None:
    with pytest.raises(InvalidPayload) as refused:
        kind.read(data)
    assert refused.value.pointer == pointer


async def test_a_mail_without_a_link_goes_to_the_account_with_its_values(
    kind: AccountMail, mailer: FakeMailSender, zoe: Person
) -> None:
    template, values = MailTemplate.PASSWORD_CHANGED, {"device": "phone"}
    job = account_mail(new_id(), zoe.user.id, template, values=values)
    await kind.run(job_context(kind.read(job.data)), RecordedCompletions().complete)
    (mail,) = mailer.sent
    assert (mail.to, mail.subject) == ("zoe@example.com", "password_changed")
    assert mail.text == "device=phone email=zoe@example.com name=zoe"
    assert kind.redact(job.data)["values"] == MASK


async def test_a_mail_whose_link_has_ended_is_skipped(
    kind: AccountMail, mailer: FakeMailSender, zoe: Person, mails: FakeMailWorker, ports: Ports
) -> None:
    issuer = LinkIssuer(ports.link_secrets, ports.clock, new_id)
    async with ports.write() as tx:
        link = await issuer.issue(tx, LinkPurpose.VERIFY_EMAIL, zoe.user.id, zoe.user.email)
        await tx.one_time.end(link.id, now=ports.clock())
    completions = RecordedCompletions()
    for link_id in (link.id, new_id()):
        job = account_mail(new_id(), zoe.user.id, MailTemplate.VERIFY_EMAIL, link_id=link_id)
        await kind.run(job_context(kind.read(job.data)), completions.complete)
    assert completions.results == [{"skipped": "link_ended"}] * 2
    assert not mailer.sent


async def test_a_deleted_account_gets_no_mail(kind: AccountMail) -> None:
    payload = kind.read({"template": "verify_email", "user_id": USER})
    with pytest.raises(PermanentFailure, match="deleted"):
        await kind.run(job_context(payload), RecordedCompletions().complete)


async def test_a_link_of_a_lost_key_ends_its_mail(
    kind: AccountMail, zoe: Person, ports: Ports
) -> None:
    issuer = LinkIssuer(LinkSecrets(b"another" * 5), ports.clock, new_id)
    async with ports.write() as tx:
        link = await issuer.issue(tx, LinkPurpose.VERIFY_EMAIL, zoe.user.id, zoe.user.email)
    job = account_mail(new_id(), zoe.user.id, MailTemplate.VERIFY_EMAIL, link_id=link.id)
    with pytest.raises(PermanentFailure, match="key"):
        await kind.run(job_context(kind.read(job.data)), RecordedCompletions().complete)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"purpose": "x", "address": "y"},
        {"purpose": "verify_email"},
        {"purpose": "verify_email", "address": "y", "user_id": "z"},
        {"purpose": "verify_email", "address": "y", "to": "z"},
    ],
)
def test_an_invalid_request_for_a_link_is_refused(issue_link: IssueLink, data: Any) -> None:
    with pytest.raises(InvalidPayload):
        issue_link.read(data)


async def test_a_change_of_address_of_a_deleted_account_ends_without_a_mail(
    issue_link: IssueLink, ports: Ports, mails: FakeMailWorker, store: FakeStore, zoe: Person
) -> None:
    sealed = ports.address_cipher.seal("new@example.com")
    store.users.clear()
    before = len(store.jobs)
    request = LinkRequest(LinkPurpose.CHANGE_EMAIL, sealed, zoe.user.id)
    await issue_link.run(job_context(request), mails.complete)
    assert len(store.jobs) == before


def test_what_a_job_has_sealed_is_masked(issue_link: IssueLink, ports: Ports) -> None:
    mail = RegistrationMail(issue_link.links, EmailPolicy(), new_id)
    register = RegisterAccount(
        mail, ports.address_cipher, ports.clock, new_id, ports.today_cache.forget
    )
    data = {"purpose": "verify_email", "address": "sealed"}
    assert issue_link.redact(data) == {**data, "address": MASK}
    assert register.redact({"account": "sealed"}) == {"account": MASK}
    with pytest.raises(InvalidPayload):
        register.read({})
