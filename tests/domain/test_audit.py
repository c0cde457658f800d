"""What is recorded before an answer, what no entry holds, and what the chain's hashes cover."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jubilee.domain.audit.chain import ChainedEntry, ChainKeys, Mark, MarkName, Seal, hash_client
from jubilee.domain.audit.entry import AuditFilter, hashed_login
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.auth.tokens import InvalidGrant
from jubilee.domain.errors import DomainError, Unavailable
from jubilee.domain.identity import OPERATOR, UserId
from jubilee.domain.passwords import PasswordChange
from jubilee.domain.services import Services
from jubilee.domain.tasks.task import Task, TaskFilter, TaskRequest
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.store import START, FakeStore

CLIENT = ClientInfo("192.0.2.7", "test")
SALT = b"s" * 16
ENTRY = ChainedEntry(
    id=UUID(int=1),
    event="sign_in",
    actor_id=UserId(UUID(int=2)),
    subject_id=UserId(UUID(int=3)),
    occurred_at=START,
    request_id="request-1",
    details={"session_id": "x"},
    address="192.0.2.7",
    user_agent="test",
    client_salt=SALT,
    client_hash=hash_client(SALT, "192.0.2.7", "test"),
)
OTHER: dict[str, Any] = {
    "id": UUID(int=9),
    "event": "sign_out",
    "actor_id": None,
    "subject_id": None,
    "occurred_at": datetime(2026, 11, 20, 9, 0, 0, 1, tzinfo=UTC),
    "request_id": None,
    "details": {},
    "client_hash": b"x",
}
"""Another value of each member that the hash of an entry covers."""

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=12, max_size=40)


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


def refuse() -> AbstractAsyncContextManager[Any]:
    raise Unavailable


def unrecordable(services: Services) -> Services:
    """The services without a database that can be written."""
    return replace(
        services,
        auth=replace(services.auth, write=refuse),
        users=replace(services.users, write=refuse),
        tasks=replace(services.tasks, write=refuse),
        audit=replace(services.audit, write=refuse),
    )


@pytest.mark.parametrize(
    "read",
    [
        lambda s, task: s.users.get(task.owner_id, by=OPERATOR),
        lambda s, _: s.users.list(search=None, by=OPERATOR, after=None, limit=9),
        lambda s, task: s.tasks.get(str(task.id), by=OPERATOR),
        lambda s, _: s.tasks.list(TaskFilter(), by=OPERATOR, after=None, limit=9),
        lambda s, _: s.audit.list(AuditFilter(), by=OPERATOR, after=None, limit=9),
    ],
    ids=["account", "accounts", "task", "tasks", "audit"],
)
async def test_a_read_of_anothers_data_that_cannot_be_recorded_is_not_answered(
    services: Services,
    zoe: Person,
    read: Callable[[Services, Task], Awaitable[object]],
) -> None:
    task = await services.tasks.create(TaskRequest(data={}), by=zoe.principal)
    assert await read(services, task)
    with pytest.raises(Unavailable):
        await read(unrecordable(services), task)


@pytest.mark.parametrize("login", ["zoe", "eve"])
async def test_a_refused_sign_in_that_cannot_be_recorded_is_not_answered(
    services: Services, zoe: Person, login: str
) -> None:
    with pytest.raises(Unavailable):
        await unrecordable(services).auth.sign_in(login, "wrong", CLIENT)


async def test_a_password_that_changes_during_a_sign_in_is_a_recorded_failure(
    services: Services, zoe: Person, store: FakeStore
) -> None:
    changed = replace(zoe.user, password_hash="1:another")
    hasher = services.auth.hasher

    class SlowHasher(type(hasher)):  # type: ignore[misc]  # the fixture's class
        async def verify(self, password_hash: str | None, password: str) -> bool:
            store.users[zoe.user.id] = changed
            return bool(await hasher.verify(password_hash, password))

    with pytest.raises(InvalidGrant):
        await replace(services.auth, hasher=SlowHasher()).sign_in("zoe", PASSWORD, CLIENT)
    assert store.audit[-1].event == "sign_in_failed"
    assert store.audit[-1].details == {"reason": "account_changed"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(login=texts, password=texts, token=texts)
async def test_no_entry_holds_what_was_typed(
    services: Services, store: FakeStore, login: str, password: str, token: str
) -> None:
    for table in (store.users, store.birthdays.accounts, store.jobs, store.audit):
        table.clear()
    with suppress(DomainError):
        user = await services.users.register({"email": "zoe@example.com"}, PASSWORD)
        new = PasswordChange(new=token)
        await services.users.change(user.id, {"full_name": login}, new, by=OPERATOR)
    for typed in (login, "zoe@example.com"):
        with suppress(DomainError):
            await services.auth.sign_in(typed, password, CLIENT)
    with suppress(DomainError):
        await services.auth.refresh(token)
    written = repr([entry.details for entry in store.audit])
    assert store.audit
    typed_texts = (login, password, token, PASSWORD, "zoe@example.com")
    assert [text for text in typed_texts if repr(text)[1:-1] in written] == []


def test_the_hash_of_a_login_depends_on_the_key_and_not_on_case() -> None:
    assert hashed_login(b"k", "Zoe") == hashed_login(b"k", "zoe") != hashed_login(b"l", "zoe")
    assert hashed_login(b"k", "max") != hashed_login(b"k", "zoe")
    assert len(hashed_login(b"k", "\ud800")) == 32


@pytest.mark.parametrize("member", OTHER)
def test_the_hash_of_an_entry_covers_each_member(member: str) -> None:
    assert replace(ENTRY, **{member: OTHER[member]}).hash != ENTRY.hash


def test_only_the_client_and_its_salt_can_be_erased_without_changing_the_hash() -> None:
    erased = replace(ENTRY, address=None, user_agent=None, client_salt=None)
    assert erased.hash == ENTRY.hash
    assert (erased.is_erased, erased.has_its_client) == (True, True)
    assert {field.name for field in fields(ENTRY)} - OTHER.keys() == {
        "address",
        "user_agent",
        "client_salt",
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"address": "192.0.2.8"},
        {"user_agent": None},
        {"client_salt": b"t" * 16},
        {"client_salt": None},
    ],
)
def test_another_client_does_not_have_the_hash(changed: dict[str, Any]) -> None:
    assert ENTRY.has_its_client
    assert not replace(ENTRY, **changed).has_its_client


def test_a_mark_is_valid_with_the_key_that_signed_it_at_its_seal_alone() -> None:
    seal = Seal(7, START + timedelta(days=1), 1, b"d" * 32)
    mark = Mark(MarkName.PRUNED).moved(seal, b"k")
    assert mark.is_signed(ChainKeys(b"n", (b"k",)).all)
    assert not mark.is_signed([b"n"])
    for other in (
        replace(mark, seal=8),
        replace(mark, digest=b"e" * 32),
        replace(mark, name=MarkName.SEALED),
        replace(mark, signature=b""),
    ):
        assert not other.is_signed([b"k"])


def test_before_the_first_seal_no_signature_is_needed() -> None:
    assert Mark(MarkName.SEALED).is_signed([])
    assert not Mark(MarkName.SEALED, digest=b"x" * 32).is_signed([b"k"])
