"""An account and its addresses, for the tests of account e-mail."""

from collections.abc import Callable

import pytest

from jubilee.domain.one_time.link import LinkPurpose, LinkToken
from jubilee.domain.services import Services
from jubilee.domain.users.user import User
from tests.conftest import PASSWORD, Person, SignUp
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.store import FakeStore

OLD, NEW, NEWER = "zoe@example.com", "new@example.com", "newer@example.com"
NEW_PASSWORD = "an engine of copper"
RESET = LinkPurpose.RESET_PASSWORD
CLIENT = "192.0.2.7"
Account = Callable[[], User]


@pytest.fixture
async def zoe(sign_up: SignUp) -> Person:
    return await sign_up("zoe")


@pytest.fixture
def account(zoe: Person, store: FakeStore) -> Account:
    """Return the account as it is stored."""
    return lambda: store.users[zoe.user.id]


async def change(services: Services, mails: FakeMailWorker, zoe: Person, address: str) -> str:
    """Change the address; return the token that undoes it."""
    await services.email_changes.request(address, PASSWORD, by=zoe.principal)
    token = (await mails.link()).token
    await services.email_changes.confirm(LinkToken(token), CLIENT)
    return (await mails.link()).token
