"""Flows of registration, and of links by mail."""

from jubilee.domain.users.user import EmailPolicy, EmailVerification
from tests.attacks.flow import Flow, Repetition, Step
from tests.attacks.flows.common import link_proofs, mailed, read_self, sign_in

REQUIRED = EmailPolicy(EmailVerification.REQUIRED)
HIDDEN = EmailPolicy(EmailVerification.REQUIRED, hides_accounts=True)
OPTIONAL = EmailPolicy(EmailVerification.OPTIONAL)
PROFILE = {"email": "{email}", "username": "{name}", "password": "{password}"}


def _register(*, hidden: bool) -> Step:
    return Step(
        name="register",
        call="POST /auth/register",
        given=PROFILE,
        status=202 if hidden else 201,
        repetition=Repetition.SAME if hidden else Repetition.REFUSED,
    )


def _verify(*, typed: bool) -> Step:
    return Step(
        name="verify",
        call="POST /auth/verify-email",
        before=mailed("verify-email"),
        proofs=link_proofs("verify-email", typed=typed),
        status=204,
        needs=frozenset({"register"}),
    )


def _registration(name: str, policy: EmailPolicy, *, typed: bool) -> Flow:
    register = _register(hidden=policy.hides_accounts)
    steps = (register, _verify(typed=typed), sign_in("register", "verify"), read_self("sign in"))
    return Flow(name=name, policy=policy, registered=False, steps=steps)


def _forgotten(name: str, *, typed: bool) -> Flow:
    forgot = Step(
        name="forgot",
        call="POST /auth/password/forgot",
        given={"email": "{email}"},
        status=202,
        repetition=Repetition.SAME,
    )
    reset = Step(
        name="reset",
        call="POST /auth/password/reset",
        before=mailed("reset-password"),
        proofs=link_proofs("reset-password", typed=typed),
        given={"password": "{new_password}"},
        status=204,
        needs=frozenset({"forgot"}),
    )
    return Flow(name=name, steps=(forgot, reset, sign_in("reset", password="new_password")))


def _change(name: str, *, typed: bool) -> Flow:
    ask = Step(
        name="ask",
        call="POST /users/me/email",
        by="session",
        proofs={"current_password": "password"},
        given={"email": "{new_email}"},
        status=202,
        repetition=Repetition.SAME,
    )
    confirm = Step(
        name="confirm",
        call="POST /auth/email/confirm",
        before=mailed("confirm-email", "new_email"),
        proofs=link_proofs("confirm-email", typed=typed, to="new_email"),
        status=204,
        needs=frozenset({"ask"}),
    )
    undo = Step(
        name="undo",
        call="POST /auth/email/undo",
        before=mailed("undo-email"),
        proofs=link_proofs("undo-email", typed=typed),
        status=204,
        needs=frozenset({"ask", "confirm"}),
    )
    return Flow(name=name, policy=OPTIONAL, steps=(ask, confirm, undo, sign_in()))


FLOWS = (
    _registration("registration by a link", REQUIRED, typed=False),
    _registration("registration by a code", REQUIRED, typed=True),
    _registration("hidden registration", HIDDEN, typed=False),
    _forgotten("forgotten password by a link", typed=False),
    _forgotten("forgotten password by a code", typed=True),
    _change("change of address by links", typed=False),
    _change("change of address by codes", typed=True),
)
