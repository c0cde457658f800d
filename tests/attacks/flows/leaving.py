"""Flows of exports, of the deletion of an account, and of a new password."""

from tests.attacks.actors import Actor
from tests.attacks.flow import Flow, Repetition, Step
from tests.attacks.flows.common import link_proofs, mailed, sign_in


async def _run_jobs(actor: Actor) -> None:
    await actor.world.mails.run()


ASK = Step(
    name="ask",
    call="POST /users/me/export",
    by="session",
    status=202,
    repetition=Repetition.SAME,
)
DOWNLOAD = Step(
    name="download",
    call="GET /users/me/export",
    by="session",
    before=_run_jobs,
    repetition=Repetition.SAME,
    needs=frozenset({"ask"}),
)
OPEN_LINK = Step(
    name="open the link",
    call="POST /account/export",
    form=True,
    before=mailed("export"),
    proofs={"token": "export-token"},
    needs=frozenset({"ask"}),
)
DELETE = Step(
    name="delete",
    call="DELETE /users/me",
    by="session",
    status=202,
    repetition=Repetition.ENDS,
)
RESTORE = Step(
    name="restore",
    call="POST /users/me/restore",
    proofs={"username": "name", "password": "password"},
    status=204,
    needs=frozenset({"delete"}),
    also={"name": {"email"}},
)


def _restored(name: str, *, typed: bool) -> Flow:
    """Return the flow in which the mail about the deletion undoes it."""
    restore = Step(
        name="restore",
        call="POST /users/me/restore",
        before=mailed("restore"),
        proofs=link_proofs("restore", typed=typed),
        status=204,
        needs=frozenset({"delete"}),
    )
    return Flow(name=name, steps=(DELETE, restore, sign_in("restore")))


CHANGE_PASSWORD = Step(
    name="change",
    call="PATCH /users/me",
    by="session",
    proofs={"current_password": "password"},
    given={"password": "{new_password}"},
)
FLOWS = (
    Flow(name="export", steps=(ASK, DOWNLOAD, OPEN_LINK)),
    Flow(name="deletion", steps=(DELETE, RESTORE, sign_in("restore"))),
    _restored("deletion undone by a link", typed=False),
    _restored("deletion undone by a code", typed=True),
    Flow(name="new password", steps=(CHANGE_PASSWORD, sign_in("change", password="new_password"))),
)
