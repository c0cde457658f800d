"""The page by which an invited person makes an account."""

from pydantic import Field

from jubilee.domain.invites.service import Acceptance
from jubilee.domain.names import Names
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint, Call, Nothing
from jubilee.entrypoints.http.pages.account_email import ResetForm
from jubilee.entrypoints.http.pages.page import MAX_FIELD_CHARS, FormPage


class InviteForm(ResetForm):
    """A proof of the invite, and what the new account needs."""

    username: str = Field("", max_length=MAX_FIELD_CHARS)


async def accept_invite(call: Call[InviteForm, Nothing]) -> str:
    """POST /account/accept-invite."""
    body = call.body
    names = Names(username=body.username.strip() or None)
    acceptance = Acceptance(proof=body.proof, password=body.password, names=names)
    await call.services.invites.accept(acceptance, call.client.ip)
    return "invite_accepted"


ENDPOINTS: tuple[AnyEndpoint, ...] = FormPage(
    "/account/accept-invite", "accept_invite", accept_invite, InviteForm
).endpoints
