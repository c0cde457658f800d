"""Flows of the tokens of programs, and of sessions."""

from tests.attacks.actors import Actor
from tests.attacks.flow import Flow, Repetition, Step
from tests.attacks.flows.common import read_self, sign_in

AGED = "UPDATE sessions SET proved_at = proved_at - interval '1 hour' WHERE user_id = $1"
CREATE = Step(
    name="create",
    call="POST /auth/access-tokens",
    by="session",
    given={"name": "import", "scopes": ["profile:read"]},
    status=201,
    keeps={"token": "token", "token_id": "id"},
    repetition=Repetition.AGAIN,
)
REVOKE = Step(
    name="revoke",
    call="DELETE /auth/access-tokens/{token_id}",
    by="session",
    status=204,
    needs=frozenset({"create"}),
)
NEW_MACHINE = Step(
    name="create",
    call="POST /service-accounts",
    by="admin",
    given={"name": "import", "scopes": ["items:read"]},
    status=201,
    keeps={"client_id": "id", "client_secret": "client_secret"},
    repetition=Repetition.AGAIN,
)
GRANT = Step(
    name="grant",
    call="POST /auth/token",
    form=True,
    given={"grant_type": "client_credentials"},
    proofs=("client_id", "client_secret"),
    keeps={"machine": "access_token"},
    repetition=Repetition.AGAIN,
    needs=frozenset({"create"}),
)
USE = Step(
    name="use",
    call="GET /items",
    by="machine",
    repetition=Repetition.SAME,
    needs=frozenset({"create", "grant"}),
    also={"machine": {"session"}},
)
NEW_SECRET = Step(
    name="replace",
    call="POST /service-accounts/{client_id}/secret",
    by="admin",
    keeps={"client_secret": "client_secret"},
    repetition=Repetition.AGAIN,
    needs=frozenset({"create"}),
)
DELETE_MACHINE = Step(
    name="delete",
    call="DELETE /service-accounts/{client_id}",
    by="admin",
    status=204,
    needs=frozenset({"create"}),
)
PROVE = Step(
    name="prove",
    call="POST /auth/reauthenticate",
    by="session",
    proofs=("password",),
    status=204,
    repetition=Repetition.SAME,
)


def _refresh(name: str, token: str, **keeps: str) -> Step:
    return Step(
        name=name,
        call="POST /auth/refresh",
        proofs={"refresh_token": token},
        keeps=keeps,
        repetition=Repetition.SAME,
        also={token: {"refresh"}},
    )


LOGOUT = Step(
    name="sign out",
    call="POST /auth/logout",
    by="new_session",
    status=204,
    repetition=Repetition.ENDS,
    needs=frozenset({"sign in"}),
    also={"new_session": {"session", "refreshed"}},
)


async def prove_long_ago(actor: Actor) -> None:
    """Make the proof of the actor's session an old one."""
    async with actor.world.pool.connection() as driver:
        await driver.execute(AGED, actor.values["id"])


FLOWS = (
    Flow(
        name="personal access token",
        steps=(CREATE, read_self("create", by="token"), REVOKE),
    ),
    Flow(
        name="service account",
        steps=(NEW_MACHINE, GRANT, USE, NEW_SECRET, DELETE_MACHINE),
    ),
    Flow(
        name="recent proof",
        begins=prove_long_ago,
        steps=(PROVE, CREATE.after_steps("prove")),
    ),
    Flow(
        name="session",
        steps=(
            sign_in(),
            _refresh("refresh", "new_refresh", refreshed="access_token", again="refresh_token"),
            read_self("sign in", "refresh", by="refreshed"),
            LOGOUT,
        ),
    ),
)
