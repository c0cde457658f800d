"""The job that mails an invite."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from jubilee.adapters.ids import new_id
from jubilee.bootstrap.service_ports import Ports
from jubilee.domain.invites.invite import Invite
from jubilee.domain.invites.mail import InviteMail
from jubilee.domain.jobs.kinds import InvalidPayload, PermanentFailure
from jubilee.domain.one_time.secrets import LinkSecrets, readable
from tests.conftest import Person, SignUp
from tests.fakes.job_contexts import JOB, RecordedCompletions, job_context
from tests.fakes.mail import FakeMailSender, fake_mail_service
from tests.fakes.store import FakeStore

SECRETS = LinkSecrets(b"l" * 32)


@pytest.fixture
async def ada(sign_up: SignUp) -> Person:
    return await sign_up("ada", is_superuser=True)


@pytest.fixture
def mailer() -> FakeMailSender:
    return FakeMailSender()


@pytest.fixture
def kind(mailer: FakeMailSender, ports: Ports) -> InviteMail:
    return InviteMail(fake_mail_service(mailer), ports.read, SECRETS, ports.clock)


def add_invite(store: FakeStore, by: Person, email: str, secrets: LinkSecrets = SECRETS) -> Invite:
    now, invite_id = store.clock(), new_id()
    token_hash, code_hash = secrets.hashes(invite_id)
    invite = Invite(
        id=invite_id,
        email=email,
        role="user",
        invited_by=by.user.id,
        token_hash=token_hash,
        code_hash=code_hash,
        created_at=now,
        expires_at=now + timedelta(days=7),
    )
    store.invites[invite_id] = invite
    return invite


async def run(kind: InviteMail, invite_id: UUID) -> RecordedCompletions:
    completed = RecordedCompletions()
    data = {"invite_id": str(invite_id)}
    assert kind.redact(data) == data
    await kind.run(job_context(kind.read(data)), completed.complete)
    return completed


async def test_an_invite_is_mailed_with_its_link_and_its_code(
    kind: InviteMail, mailer: FakeMailSender, store: FakeStore, ada: Person
) -> None:
    invite = add_invite(store, ada, "zoe@example.com")
    completed = await run(kind, invite.id)
    (message,) = mailer.sent
    assert (message.to, message.subject) == ("zoe@example.com", "invite")
    token, code = SECRETS.reveal(invite)
    assert message.text == f"code={readable(code)} email=zoe@example.com name= token={token}"
    assert str(JOB) in message.message_id
    assert completed.results == [{"message_id": message.message_id}]


async def test_an_address_with_an_account_gets_another_mail(
    kind: InviteMail, mailer: FakeMailSender, store: FakeStore, ada: Person
) -> None:
    store.users[ada.user.id] = replace(ada.user, locale="de")
    await run(kind, add_invite(store, ada, "ada@example.com").id)
    assert [message.subject for message in mailer.sent] == ["invite_taken.de"]


async def test_an_invite_that_has_ended_is_not_mailed(
    kind: InviteMail, mailer: FakeMailSender
) -> None:
    completed = await run(kind, new_id())
    assert completed.results == [{"skipped": "the invite has ended"}]
    assert not mailer.sent


async def test_an_invite_that_has_expired_is_not_mailed(
    kind: InviteMail, mailer: FakeMailSender, store: FakeStore, ada: Person
) -> None:
    invite = add_invite(store, ada, "zoe@example.com")
    store.clock.tick(days=7)
    completed = await run(kind, invite.id)
    assert completed.results == [{"skipped": "the invite has ended"}]
    assert not mailer.sent


async def test_an_invite_of_an_unknown_key_is_not_tried_again(
    kind: InviteMail, mailer: FakeMailSender, store: FakeStore, ada: Person
) -> None:
    invite = add_invite(store, ada, "zoe@example.com", LinkSecrets(b"o" * 32))
    with pytest.raises(PermanentFailure, match="key"):
        await run(kind, invite.id)
    assert not mailer.sent


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({}, "/data/invite_id"),
        ({"invite_id": "zoe"}, "/data/invite_id"),
        ({"invite_id": str(JOB), "to": "x"}, "/data/to"),
    ],
)
def test_a_payload_that_is_no_invite_is_refused(
    kind: InviteMail, data: dict[str, object], pointer: str
) -> None:
    with pytest.raises(InvalidPayload) as refused:
        kind.read(data)
    assert refused.value.pointer == pointer
