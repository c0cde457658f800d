"""Flows of second factors and passkeys."""

import re
from typing import Any

import pyotp

from tests.attacks.actors import Actor
from tests.attacks.flow import Flow, Parts, Repetition, Step
from tests.attacks.flows.common import NEW_SESSION, read_self

KEYS = "/auth/passkeys"


async def _next_code(actor: Actor) -> None:
    """Take a code that was not used; two of them are valid at a time."""
    secret = actor.values.get("secret")
    if secret is None:
        return
    step = max(int(actor.world.now.timestamp() // 30), actor.values.get("last_step", 0) + 1)
    actor.values |= {"last_step": step, "code": pyotp.TOTP(secret).at(step * 30)}


def _keep_recovery_code(actor: Actor, answer: Any) -> None:
    actor.values["recovery_code"] = answer.json()["recovery_codes"][0]


ADD = Step(
    name="add",
    call="POST /auth/factors/totp",
    by="session",
    status=201,
    keeps={"factor": "id", "secret": "secret"},
    repetition=Repetition.AGAIN,
)
CONFIRM = Step(
    name="confirm",
    call="POST /auth/factors/totp/{factor}/confirm",
    by="session",
    before=_next_code,
    proofs=("code",),
    needs=frozenset({"add"}),
)
RENEW = Step(
    name="renew",
    call="POST /auth/factors/recovery-codes",
    by="session",
    after=_keep_recovery_code,
    repetition=Repetition.AGAIN,
    needs=frozenset({"confirm"}),
)
FIRST_STEP = Step(
    name="first step",
    call="POST /auth/login",
    proofs={"username": "name", "password": "password"},
    status=403,
    keeps={"mfa_token": "mfa_token"},
    repetition=Repetition.AGAIN,
    also={"name": {"email"}},
)
SECOND_STEP = Step(
    name="second step",
    call="POST /auth/mfa",
    before=_next_code,
    proofs=("mfa_token", "code"),
    keeps=NEW_SESSION,
    needs=frozenset({"add", "confirm", "first step"}),
)
RECOVER = Step(
    name="second step",
    call="POST /auth/mfa",
    proofs=("mfa_token", "recovery_code"),
    keeps=NEW_SESSION,
    needs=frozenset({"renew", "first step"}),
    fragile=True,
)
REMOVE = Step(
    name="remove",
    call="DELETE /auth/factors/{factor}",
    by="new_session",
    status=204,
    needs=frozenset({"add", "second step"}),
    also={"new_session": {"session"}},
)


def _created(parts: Parts) -> dict[str, Any]:
    created: dict[str, Any] = parts["device"].create(parts["options"])
    return created


def _answered(parts: Parts) -> dict[str, Any]:
    answered: dict[str, Any] = parts["device"].get(parts["request"])
    return answered


REGISTRATION = (
    Step(
        name="options",
        call=f"POST {KEYS}/options",
        by="session",
        keeps={"options": "public_key"},
        repetition=Repetition.SAME,
    ),
    Step(
        name="register",
        call=f"POST {KEYS}",
        by="session",
        uses=("options", "device"),
        makes={"credential": _created},
        status=201,
        keeps={"passkey": "id"},
        needs=frozenset({"options"}),
        unbound=frozenset({"device"}),
    ),
)


def _passkey(name: str, *, named: bool) -> Flow:
    ask = Step(
        name="ask",
        call=f"POST {KEYS}/sign-in/options",
        given={"username": "{name}"} if named else {"username": None},
        keeps={"request": "public_key"},
        repetition=Repetition.SAME,
    )
    answer = Step(
        name="sign in",
        call=f"POST {KEYS}/sign-in",
        uses=("request", "device"),
        makes={"credential": _answered},
        keeps=NEW_SESSION,
        needs=frozenset({"register", "ask"}),
        unbound=frozenset() if named else frozenset({"request"}),
    )
    remove = Step(
        name="remove",
        call=f"DELETE {KEYS}/{{passkey}}",
        by="new_session",
        status=204,
        needs=frozenset({"register", "sign in"}),
        also={"new_session": {"session"}},
    )
    return Flow(name=name, steps=(*REGISTRATION, ask, answer, remove))


def _keep_page_token(actor: Actor, answer: Any) -> None:
    found = re.search(r'name="token" value="([^"]+)"', answer.text)
    assert found is not None, answer.text
    actor.values["page_token"] = found[1]


PAGE = "POST /account/sign-in-methods"
OPEN_PAGE = Step(
    name="open",
    call=PAGE,
    form=True,
    proofs={"username": "name", "password": "password"},
    after=_keep_page_token,
    repetition=Repetition.AGAIN,
    also={"name": {"email"}},
)
REMOVE_BY_PAGE = Step(
    name="remove",
    call=PAGE,
    form=True,
    uses=("passkey",),
    proofs={"token": "page_token"},
    makes={"remove": lambda parts: f"passkey:{parts['passkey']}"},
    needs=frozenset({"register", "open"}),
    also={"page_token": {"session"}},
)
FLOWS = (
    Flow(name="page of sign-in methods", steps=(*REGISTRATION, OPEN_PAGE, REMOVE_BY_PAGE)),
    Flow(
        name="authenticator app",
        steps=(ADD, CONFIRM, FIRST_STEP, SECOND_STEP, read_self("second step"), REMOVE),
    ),
    Flow(name="recovery codes", steps=(ADD, CONFIRM, RENEW, FIRST_STEP, RECOVER)),
    _passkey("passkey with a user name", named=True),
    _passkey("passkey without a user name", named=False),
)
