"""API tokens: their texts, and what their use cases refuse."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubilee.domain.api_tokens.service import ApiTokenService, NewApiToken
from jubilee.domain.api_tokens.text import ALPHABET, SECRET_BYTES, is_secret_text, secret_text
from jubilee.domain.api_tokens.token import (
    PREFIX,
    AccountDisabled,
    ApiTokenId,
    InvalidTokenExpiry,
    InvalidTokenName,
    InvalidTokenScope,
    TooManyApiTokens,
)
from jubilee.domain.errors import DomainError
from jubilee.domain.identity import OPERATOR
from jubilee.domain.one_time.link import LinkPurpose, LinkToken
from jubilee.domain.scopes import Scope, SessionRequired
from jubilee.domain.services import Services
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.store import FakeClock, FakeStore

SECRETS = st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES)
NEW = NewApiToken(name="backup", scopes=frozenset({Scope.ITEMS_READ}))


@pytest.fixture
def tokens(services: Services) -> ApiTokenService:
    return services.api_tokens


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@given(SECRETS)
def test_check_30_a_text_is_found_by_its_prefix_and_checksum(secret: bytes) -> None:
    text = secret_text(PREFIX, secret)
    assert re.fullmatch(r"jbl_[0-9A-Za-z]{39}", text)
    assert is_secret_text(PREFIX, text)
    assert not is_secret_text("other_", text)


@given(SECRETS, st.integers(4, 42), st.sampled_from(ALPHABET))
def test_a_text_with_another_character_is_none(secret: bytes, at: int, character: str) -> None:
    text = secret_text(PREFIX, secret)
    changed = text[:at] + character + text[at + 1 :]
    assert is_secret_text(PREFIX, changed) == (changed == text)


@given(SECRETS, SECRETS)
def test_other_secrets_have_other_texts(one: bytes, other: bytes) -> None:
    assert (secret_text(PREFIX, one) == secret_text(PREFIX, other)) == (one == other)


@pytest.mark.parametrize("text", ["", "jbl_", f"{secret_text(PREFIX, bytes(24))}\n", "jbl_\ud800"])
async def test_a_malformed_text_costs_no_query(
    tokens: ApiTokenService, store: FakeStore, text: str
) -> None:
    store.broken = AssertionError("a query")
    assert await tokens.authenticate(text) is None
    with pytest.raises(AssertionError, match="a query"):
        await tokens.authenticate(secret_text(PREFIX, bytes(24)))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"name": " "}, InvalidTokenName),
        ({"name": "x" * 101}, InvalidTokenName),
        ({"name": "two\nlines"}, InvalidTokenName),
        ({"scopes": frozenset()}, InvalidTokenScope),
        ({"scopes": frozenset({Scope.ACCOUNT})}, InvalidTokenScope),
        ({"scopes": frozenset({Scope.ADMIN})}, InvalidTokenScope),
    ],
)
async def test_an_invalid_token_is_not_created(
    tokens: ApiTokenService,
    store: FakeStore,
    zoe: Person,
    change: dict[str, object],
    refusal: type[DomainError],
) -> None:
    with pytest.raises(refusal):
        await tokens.create(replace(NEW, **change), owner=zoe.user.id, by=zoe.principal)  # type: ignore[arg-type]  # the test says which
    assert store.api_tokens == {}


@pytest.mark.parametrize(
    "after", [timedelta(0), timedelta(days=-1), timedelta(days=366, seconds=1)]
)
async def test_a_token_expires_in_the_future_within_the_longest_lifetime(
    tokens: ApiTokenService, zoe: Person, clock: FakeClock, after: timedelta
) -> None:
    new = replace(NEW, expires_at=clock() + after)
    with pytest.raises(InvalidTokenExpiry, match="366 days"):
        await tokens.create(new, owner=zoe.user.id, by=zoe.principal)


async def test_a_token_expires_by_default(
    tokens: ApiTokenService, zoe: Person, clock: FakeClock
) -> None:
    issued = await tokens.create(NEW, owner=zoe.user.id, by=zoe.principal)
    assert issued.token.expires_at == clock() + timedelta(days=90)
    assert issued.text not in repr(issued)


async def test_expired_tokens_make_room_for_new_ones(
    tokens: ApiTokenService, zoe: Person, clock: FakeClock
) -> None:
    for _ in range(5):
        await tokens.create(NEW, owner=zoe.user.id, by=zoe.principal)
    with pytest.raises(TooManyApiTokens):
        await tokens.create(NEW, owner=zoe.user.id, by=zoe.principal)
    clock.tick(days=90)
    await tokens.create(NEW, owner=zoe.user.id, by=zoe.principal)


async def test_a_disabled_account_gets_no_token(
    tokens: ApiTokenService, zoe: Person, store: FakeStore
) -> None:
    store.users[zoe.user.id] = replace(zoe.user, is_active=False)
    with pytest.raises(AccountDisabled):
        await tokens.create(NEW, owner=zoe.user.id, by=OPERATOR)


async def test_check_30_a_token_cannot_make_list_or_delete_tokens(
    tokens: ApiTokenService, zoe: Person
) -> None:
    issued = await tokens.create(NEW, owner=zoe.user.id, by=zoe.principal)
    by = await tokens.authenticate(issued.text)
    assert by is not None
    owner = zoe.user.id
    for attempt in (
        tokens.create(NEW, owner=owner, by=by),
        tokens.list(owner=owner, by=by, after=None, limit=1),
        tokens.delete(issued.token.id, owner=owner, by=by),
    ):
        with pytest.raises(SessionRequired):
            await attempt


async def test_a_reset_by_mail_and_an_undone_change_of_address_end_all_tokens(
    services: Services, zoe: Person, store: FakeStore, mails: FakeMailWorker
) -> None:
    await services.api_tokens.create(NEW, owner=zoe.user.id, by=zoe.principal)
    await services.email_changes.request("new@example.com", PASSWORD, by=zoe.principal)
    await services.email_changes.confirm(LinkToken((await mails.link()).token), None)
    assert len(store.api_tokens) == 1
    await services.email_changes.undo(LinkToken((await mails.link()).token), None)
    assert store.api_tokens == {}
    await services.api_tokens.create(NEW, owner=zoe.user.id, by=zoe.principal)
    await services.link_requests.request(LinkPurpose.RESET_PASSWORD, zoe.user.email)
    proof = LinkToken((await mails.link()).token)
    await services.password_resets.reset(proof, "an engine of copper", None)
    assert store.api_tokens == {}
    assert [entry.event for entry in store.audit].count("api_tokens_deleted") == 2


async def test_the_owner_is_told_by_mail_about_a_new_token(
    services: Services, zoe: Person, mails: FakeMailWorker
) -> None:
    await mails.run()
    await services.api_tokens.create(NEW, owner=zoe.user.id, by=zoe.principal)
    [mail] = await mails.run()
    assert (mail.to, mail.subject) == (
        "zoe@example.com",
        "An access token was created for your account",
    )


async def test_a_requested_deletion_ends_the_tokens_for_good(
    services: Services, zoe: Person, store: FakeStore
) -> None:
    await services.api_tokens.create(NEW, owner=zoe.user.id, by=zoe.principal)
    deletions = replace(services.deletions, grace=timedelta(days=7))
    await deletions.delete(zoe.user.id, by=zoe.principal)
    assert store.api_tokens == {}


async def test_the_use_of_a_token_is_noted_once_its_last_one_is_out_of_date(
    tokens: ApiTokenService, zoe: Person, store: FakeStore
) -> None:
    noted: list[ApiTokenId] = []
    watched = replace(tokens, note_use=noted.append)
    issued = await tokens.create(NEW, owner=zoe.user.id, by=zoe.principal)
    assert await watched.authenticate(issued.text)
    assert noted == [issued.token.id]
    token = store.api_tokens[issued.token.id]
    store.api_tokens[token.id] = replace(token, last_used_at=store.clock())
    assert await watched.authenticate(issued.text)
    assert noted == [token.id]


CREDENTIAL_USES = {
    "list": lambda accounts, _, by: accounts.list(by=by, after=None, limit=9),
    "get": lambda accounts, key, by: accounts.get(key, by=by),
    "secret": lambda accounts, key, by: accounts.replace_secret(key, by=by),
    "delete": lambda accounts, key, by: accounts.delete(key, by=by),
    "token": lambda accounts, key, by: accounts.create_token(key, NEW, by=by),
    "tokens": lambda accounts, key, by: accounts.tokens_of(key, by=by, after=None, limit=9),
    "create": lambda accounts, _, by: accounts.create("ci", NEW.scopes, by=by),
}


@pytest.mark.parametrize("use", CREDENTIAL_USES.values(), ids=CREDENTIAL_USES.keys())
async def test_no_token_reads_or_changes_service_accounts(
    services: Services, sign_up: SignUp, use: Callable[..., Awaitable[object]]
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    made = await services.service_accounts.create("import", NEW.scopes, by=admin.principal)
    given = replace(NEW, scopes=frozenset({Scope.ADMIN}))
    issued = await services.api_tokens.create(given, owner=admin.user.id, by=admin.principal)
    by_token = await services.api_tokens.authenticate(issued.text)
    with pytest.raises(SessionRequired):
        await use(services.service_accounts, made.account.id, by_token)
