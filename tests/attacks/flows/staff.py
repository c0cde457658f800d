"""Flows in which an admin or support acts on an account."""

from tests.attacks.actors import Actor
from tests.attacks.flow import Flow, Repetition, Step
from tests.attacks.flows.common import link_proofs, mailed, read_self, sign_in

REASON = {"reason": "ticket 4711"}
INVITE = Step(
    name="invite",
    call="POST /invites",
    by="admin",
    given={"email": "{email}", "role": "auditor"},
    status=201,
    keeps={"invite": "id"},
    repetition=Repetition.AGAIN,
)
IMPERSONATE = Step(
    name="impersonate",
    call="POST /users/{id}/impersonate",
    by="support",
    given=REASON,
    keeps={"acting": "access_token"},
    repetition=Repetition.AGAIN,
)
LOCK = Step(
    name="lock",
    call="POST /users/{id}/lock",
    by="support",
    given=REASON,
    status=204,
    repetition=Repetition.SAME,
)
UNLOCK = Step(
    name="unlock",
    call="POST /users/{id}/unlock",
    by="support",
    status=204,
    repetition=Repetition.SAME,
)
LIST_USERS = Step(
    name="list accounts",
    call="GET /users",
    by="session",
    repetition=Repetition.SAME,
    needs=frozenset({"grant"}),
)
MERGE = Step(
    name="merge",
    call="POST /users/{id}/merge",
    by="admin",
    proofs={"source_id": "source"},
    unbound=frozenset({"id", "source"}),
)


def _put_roles(name: str, *roles: str) -> Step:
    return Step(
        name=name,
        call="PUT /users/{id}/roles",
        by="admin",
        given={"roles": [*roles]},
        repetition=Repetition.SAME,
    )


def _invite(name: str, *, typed: bool) -> Flow:
    accept = Step(
        name="accept",
        call="POST /invites/accept",
        before=mailed("accept-invite"),
        proofs=link_proofs("accept-invite", typed=typed),
        given={"username": "{name}", "password": "{password}"},
        status=201,
        needs=frozenset({"invite"}),
    )
    return Flow(name=name, registered=False, steps=(INVITE, accept, sign_in("accept")))


async def _add_second_account(actor: Actor) -> None:
    """Give the actor another account, which is to be merged."""
    other = await actor.world.actor()
    actor.values["source"] = other.values["id"]


FLOWS = (
    _invite("invite by a link", typed=False),
    _invite("invite by a code", typed=True),
    Flow(name="impersonation", steps=(IMPERSONATE, read_self("impersonate", by="acting"))),
    Flow(name="lock", steps=(LOCK, UNLOCK, sign_in("unlock"))),
    Flow(name="role", steps=(_put_roles("grant", "support"), LIST_USERS, _put_roles("withdraw"))),
    Flow(name="merge", begins=_add_second_account, steps=(MERGE,)),
)
