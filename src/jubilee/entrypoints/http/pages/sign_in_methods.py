"""The page on which an account removes what it is signed in to by, and signs out all devices.

Mails about such changes link to it. It signs in by a form: the access token is in the page, so that
there is no cookie, and in no address.
"""

from dataclasses import dataclass
from uuid import UUID

from pydantic import Field
from starlette.responses import Response

from jubilee.domain.auth.pending import MfaRequired
from jubilee.domain.errors import DomainError, NotFound
from jubilee.domain.factors.factor import FactorKind, TypedFactor
from jubilee.domain.identity import Principal
from jubilee.domain.scopes import CREDENTIALS
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint, Call, Model, Nothing
from jubilee.entrypoints.http.framework.problems import status_of
from jubilee.entrypoints.http.pages.page import MAX_FIELD_CHARS, FormPage
from jubilee.entrypoints.http.pages.rendering import render

NAME = "sign_in_methods"
DEVICES = "devices"


class MethodsForm(Model):
    """The credentials, or the token of a page that has taken them and what is to be removed."""

    username: str = Field("", max_length=MAX_FIELD_CHARS)
    password: str = Field("", max_length=MAX_FIELD_CHARS)
    code: str = Field("", max_length=MAX_FIELD_CHARS)
    token: str = Field("", max_length=MAX_FIELD_CHARS)
    remove: str = Field("", max_length=MAX_FIELD_CHARS)


MethodsCall = Call[MethodsForm, Nothing]


@dataclass(frozen=True, slots=True)
class Method:
    """A line of the page; `chosen` is what the form sends to remove it."""

    kind: str
    chosen: str
    name: str
    day: str


async def change_methods(call: MethodsCall) -> Response:
    """POST /account/sign-in-methods."""
    token = call.body.token or await _signed_in(call)
    caller = await _admitted(call, token)
    status, error = await _removed(call, caller)
    if not error and call.body.remove == DEVICES:
        return await render(call, "signed_out")
    methods = await _methods(call, caller)
    return await render(call, NAME, status=status, token=token, methods=methods, error=error)


async def _admitted(call: MethodsCall, token: str) -> Principal:
    """Return the caller, of whom as much is required as at the endpoints of the API."""
    caller, proofs = await call.services.auth.authenticate(token), call.services.proofs
    call.record.user_id = str(caller.user_id)
    caller.require(CREDENTIALS)
    proofs.require_factor(caller)
    proofs.require_recent(caller)
    return caller


async def _signed_in(call: MethodsCall) -> str:
    """Sign in by the form, with a second factor where one is needed; return the access token."""
    body, services = call.body, call.services
    try:
        tokens = await services.auth.sign_in(body.username.strip(), body.password, call.client)
    except MfaRequired as error:
        if not body.code.strip():
            raise
        tokens = await services.second_step.complete(error.token, _typed(body), call.client)
    return tokens.access


def _typed(body: MethodsForm) -> TypedFactor:
    code = body.code.strip()
    is_totp = code.isdecimal()  # recovery codes are longer, with letters
    return TypedFactor(FactorKind.TOTP if is_totp else FactorKind.RECOVERY_CODE, code)


async def _removed(call: MethodsCall, caller: Principal) -> tuple[int, str]:
    """Remove what was chosen; return the status, and the code of what refuses it."""
    try:
        await _remove(call, caller)
    except DomainError as error:
        return status_of(type(error)), error.code
    return 200, ""


async def _remove(call: MethodsCall, caller: Principal) -> None:
    services, (kind, _, chosen) = call.services, call.body.remove.partition(":")
    removals = {
        "passkey": services.passkeys.remove,
        "app": services.factors.remove,
        "identity": services.identities.unlink,
    }
    if kind in removals:
        await removals[kind](_id(chosen), by=caller)
    elif kind == DEVICES:
        await services.sessions.end_all(by=caller, keep_current=False)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


async def _methods(call: MethodsCall, caller: Principal) -> list[Method]:
    services = call.services
    passkeys = await services.passkeys.list(by=caller)
    apps = (await services.factors.list(by=caller)).totp
    identities = await services.identities.list_for(caller.user_id)
    rows = [
        *(("passkey", one.id, one.name, one.created_at) for one in passkeys),
        *(("app", one.id, "", one.created_at) for one in apps),
        *(("identity", one.id, one.provider, one.created_at) for one in identities),
    ]
    return [Method(kind, f"{kind}:{key}", name, f"{at:%Y-%m-%d}") for kind, key, name, at in rows]


ENDPOINTS: tuple[AnyEndpoint, ...] = FormPage(
    "/account/sign-in-methods", NAME, change_methods, MethodsForm
).endpoints
