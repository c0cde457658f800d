"""An account that is deleted or disabled while a use case of it runs.

The use case is refused, except where a comment above DONE says why it is not.

What a use case has looked up is out of date in its next view or transaction. Each use case is run
once for each of these, with the change before it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import count

import pytest

from jubilee.domain.api_tokens.service import NewApiToken
from jubilee.domain.auth.pending import MfaRequired
from jubilee.domain.auth.proofs import PasswordGiven
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.errors import DomainError
from jubilee.domain.factors.factor import FactorKind, TypedFactor
from jubilee.domain.invites.service import Acceptance
from jubilee.domain.names import Names
from jubilee.domain.one_time.link import LinkProof, LinkPurpose, LinkToken
from jubilee.domain.passwords import PasswordChange
from jubilee.domain.scopes import Scope
from jubilee.domain.services import Services
from jubilee.domain.tasks.task import TaskRequest
from jubilee.domain.users.user import Profile
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.authenticator_app import Authenticator
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.store import FakeStore

PHONE = ClientInfo("192.0.2.8", "phone")
GRACE = timedelta(days=14)
OTHER_PASSWORD = "an engine of copper"
DONE = "done"


@dataclass(frozen=True, slots=True)
class World:
    """The use cases, and what they need of others."""

    services: Services
    store: FakeStore
    mails: FakeMailWorker
    admin: Person

    async def mailed(self, purpose: LinkPurpose, address: str) -> LinkProof:
        await self.services.link_requests.request(purpose, address)
        return LinkToken((await self.mails.link()).token)


Prepare = Callable[[World, Person], Awaitable[Awaitable[object]]]
"""Does what comes before; returns the use case, not yet begun."""

Change = Callable[[World, Person], Awaitable[None]]


async def sign_in(world: World, zoe: Person) -> Awaitable[object]:
    return world.services.auth.sign_in(zoe.user.email, PASSWORD, PHONE)


async def refresh(world: World, zoe: Person) -> Awaitable[object]:
    return world.services.auth.refresh(zoe.refresh_token)


async def prove(world: World, zoe: Person) -> Awaitable[object]:
    return world.services.proofs.reauthenticate(PasswordGiven(PASSWORD), by=zoe.principal)


async def take_second_step(world: World, zoe: Person) -> Awaitable[object]:
    factors = world.services.factors
    new = await factors.add_totp(by=zoe.principal)
    app = Authenticator.of(new, world.store.clock)
    await factors.confirm_totp(new.id, app.code(), by=zoe.principal)
    with pytest.raises(MfaRequired) as required:
        await world.services.auth.sign_in(zoe.user.email, PASSWORD, PHONE)
    typed = TypedFactor(FactorKind.TOTP, app.next_code())
    return world.services.second_step.complete(required.value.token, typed, PHONE)


async def add_app(world: World, zoe: Person) -> Awaitable[object]:
    return world.services.factors.add_totp(by=zoe.principal)


async def reset_password(world: World, zoe: Person) -> Awaitable[object]:
    proof = await world.mailed(LinkPurpose.RESET_PASSWORD, zoe.user.email)
    return world.services.password_resets.reset(proof, OTHER_PASSWORD, None)


async def verify_address(world: World, zoe: Person) -> Awaitable[object]:
    proof = await world.mailed(LinkPurpose.VERIFY_EMAIL, zoe.user.email)
    return world.services.verification.verify(proof, None)


async def request_address(world: World, zoe: Person) -> Awaitable[object]:
    return world.services.email_changes.request("n@example.com", PASSWORD, by=zoe.principal)


async def confirm_address(world: World, zoe: Person) -> Awaitable[object]:
    changes = world.services.email_changes
    await changes.request(f"new-{zoe.user.email}", PASSWORD, by=zoe.principal)
    return changes.confirm(LinkToken((await world.mails.link()).token), None)


async def undo_address(world: World, zoe: Person) -> Awaitable[object]:
    await (await confirm_address(world, zoe))
    return world.services.email_changes.undo(LinkToken((await world.mails.link()).token), None)


async def change_profile(world: World, zoe: Person) -> Awaitable[object]:
    profile = Profile(full_name="Zoë")
    users = world.services.users
    return users.change(zoe.user.id, profile, PasswordChange(), by=zoe.principal)


async def delete_later(world: World, zoe: Person) -> Awaitable[object]:
    deletions = replace(world.services.deletions, grace=GRACE)
    return deletions.delete(zoe.user.id, by=zoe.principal)


async def restore(world: World, zoe: Person) -> Awaitable[object]:
    await (await delete_later(world, zoe))
    return world.services.deletions.restore(zoe.user.email, PASSWORD, PHONE)


async def restore_by_link(world: World, zoe: Person) -> Awaitable[object]:
    await (await delete_later(world, zoe))
    return world.services.deletions.restore_by_link(
        LinkToken((await world.mails.link()).token), None
    )


async def create_token(world: World, zoe: Person) -> Awaitable[object]:
    new = NewApiToken(name="ci", scopes=frozenset({Scope.ITEMS_READ}))
    return world.services.api_tokens.create(new, owner=zoe.user.id, by=zoe.principal)


async def create_item(world: World, zoe: Person) -> Awaitable[object]:
    return world.services.items.create("Lights", None, by=zoe.principal)


async def create_task(world: World, zoe: Person) -> Awaitable[object]:
    return world.services.tasks.create(TaskRequest(data={}), by=zoe.principal)


async def request_export(world: World, zoe: Person) -> Awaitable[object]:
    return world.services.exports.request(by=zoe.principal)


async def impersonate(world: World, zoe: Person) -> Awaitable[object]:
    return world.services.impersonation.start(zoe.user.id, "a call", by=world.admin.principal)


async def lock(world: World, zoe: Person) -> Awaitable[object]:
    return world.services.account_locks.lock(zoe.user.id, by=world.admin.principal)


async def grant_role(world: World, zoe: Person) -> Awaitable[object]:
    return world.services.roles.put(zoe.user.id, ["support"], by=world.admin.principal)


async def merge(world: World, zoe: Person) -> Awaitable[object]:
    merges, into = world.services.account_merges, world.admin
    return merges.merge(zoe.user.id, into=into.user.id, by=into.principal)


async def accept_invite(world: World, zoe: Person) -> Awaitable[object]:
    invites, address = world.services.invites, f"guest-of-{zoe.user.email}"
    await invites.create(address, "user", by=zoe.principal)
    proof = LinkToken((await world.mails.link()).token)
    return invites.accept(Acceptance(proof=proof, password=OTHER_PASSWORD, names=Names()), None)


@pytest.fixture
async def world(
    services: Services, store: FakeStore, mails: FakeMailWorker, sign_up: SignUp
) -> World:
    return World(services, store, mails, await sign_up("ada", is_superuser=True))


async def delete(world: World, person: Person) -> None:
    await world.services.users.delete(person.user.id, by=world.admin.principal)


async def disable(world: World, person: Person) -> None:
    profile, none = Profile(is_active=False), PasswordChange()
    await world.services.users.change(person.user.id, profile, none, by=world.admin.principal)


async def run(
    world: World, use: Awaitable[object], change: Callable[[], Awaitable[None]], *, after: int
) -> tuple[str, bool]:
    """Change the account after so many views and transactions.

    Return how the use case ends, and whether it was still running.
    """
    steps = count()

    async def meanwhile() -> None:
        if next(steps) == after:
            world.store.meanwhile = None
            await change()

    world.store.meanwhile = meanwhile
    try:
        await use
    except DomainError as error:
        ended = error.code
    else:
        ended = DONE
    was_running, world.store.meanwhile = world.store.meanwhile is None, None
    return ended, was_running


async def outcomes(
    world: World, sign_up: SignUp, prepare: Prepare, change: Change
) -> tuple[set[str], str]:
    """Return how the use case ends with the change before each of its steps, and without it."""
    found = set[str]()
    for after in count():
        person = await sign_up(f"zoe{after}")
        use = await prepare(world, person)
        ended, was_running = await run(world, use, partial(change, world, person), after=after)
        if not was_running:
            return found, ended
        found.add(ended)
    raise AssertionError("not reached")


DELETED: dict[Prepare, set[str]] = {
    sign_in: {"invalid_grant"},
    refresh: {"invalid_grant"},
    # While the password is checked, the session is deleted with the account: none is proved.
    prove: {"user_not_found", DONE},
    take_second_step: {"invalid_mfa_token"},
    add_app: {"user_not_found"},
    reset_password: {"invalid_link"},
    verify_address: {"invalid_link"},
    request_address: {"user_not_found", "invalid_token"},
    confirm_address: {"invalid_link"},
    undo_address: {"invalid_link"},
    change_profile: {"user_not_found"},
    delete_later: {"user_not_found"},
    restore: {"invalid_grant"},
    restore_by_link: {"invalid_link"},
    create_token: {"user_not_found"},
    create_item: {"invalid_token"},
    create_task: {"invalid_token"},
    request_export: {"invalid_token"},
    impersonate: {"user_not_found"},
    lock: {"user_not_found"},
    grant_role: {"user_not_found"},
    merge: {"user_not_found"},
    accept_invite: {"invalid_invite"},
}
"""How each use case ends where the account is deleted before one of its steps."""

DISABLED: dict[Prepare, set[str]] = {
    sign_in: {"invalid_grant"},
    refresh: {"invalid_grant"},
    take_second_step: {"invalid_mfa_token"},
    reset_password: {"invalid_link"},
    verify_address: {"invalid_link"},
    confirm_address: {"invalid_link"},
    undo_address: {"invalid_link"},
    impersonate: {"cannot_sign_in"},
    accept_invite: {"invalid_invite"},
}


@pytest.mark.parametrize("prepare", DELETED, ids=lambda prepare: prepare.__name__)
async def test_a_use_case_whose_account_is_deleted_meanwhile_is_refused(
    world: World, sign_up: SignUp, prepare: Prepare
) -> None:
    assert await outcomes(world, sign_up, prepare, delete) == (DELETED[prepare], DONE)


@pytest.mark.parametrize("prepare", DISABLED, ids=lambda prepare: prepare.__name__)
async def test_a_use_case_whose_account_is_disabled_meanwhile_is_refused(
    world: World, sign_up: SignUp, prepare: Prepare
) -> None:
    assert await outcomes(world, sign_up, prepare, disable) == (DISABLED[prepare], DONE)
