"""The page by which an invited person makes an account."""

from pydantic import Field

from jubilee.domain.invites.service import Acceptance
from jubilee.domain.names import Names
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint, Call, Model, Nothing
from jubilee.entrypoints.http.pages.page import MAX_FIELD_CHARS, form_page


class InviteForm(Model):
    """The token of the link, and what the new account needs."""

    token: str = Field("", max_length=MAX_FIELD_CHARS)
    username: str = Field("", max_length=MAX_FIELD_CHARS)
    password: str = Field("", max_length=MAX_FIELD_CHARS)


async def accept_invite(call: Call[InviteForm, Nothing]) -> str:
    """POST /account/accept-invite."""
    body = call.body
    names = Names(username=body.username.strip() or None)
    acceptance = Acceptance(token=body.token, password=body.password, names=names)
    await call.services.invites.accept(acceptance)
    return "invite_accepted"


ENDPOINTS: tuple[AnyEndpoint, ...] = form_page(
    "/account/accept-invite", "accept_invite", accept_invite, InviteForm
)
