"""What signs in, and what an account may do, is changed by sessions only."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from jubilee.domain.identity import Credential, Principal
from jubilee.domain.passwords import PasswordChange
from jubilee.domain.scopes import TOKEN_SCOPES, SessionRequired
from jubilee.domain.services import Services
from jubilee.domain.users.user import Profile
from tests.conftest import PASSWORD, SignUp
from tests.fakes.store import FakeStore

OTHER = PasswordChange(new="an engine of copper", current=PASSWORD)

USE_CASES: dict[str, Callable[[Services, Principal], Awaitable[object]]] = {
    "change the password": lambda s, by: s.users.change(by.user_id, Profile(), OTHER, by=by),
    "move the address": lambda s, by: s.email_changes.request("n@example.com", PASSWORD, by=by),
    "sign out": lambda s, by: s.auth.sign_out(by),
}


@pytest.mark.parametrize("use", USE_CASES.values(), ids=USE_CASES.keys())
async def test_an_api_token_of_an_admin_with_every_scope_may_not(
    services: Services,
    store: FakeStore,
    sign_up: SignUp,
    use: Callable[[Services, Principal], Awaitable[object]],
) -> None:
    ada = (await sign_up("ada", is_superuser=True)).principal
    token = replace(ada, session_id=None, credential=Credential.API_TOKEN, scopes=TOKEN_SCOPES)
    before = len(store.audit)
    with pytest.raises(SessionRequired):
        await use(services, token)
    assert len(store.audit) == before
