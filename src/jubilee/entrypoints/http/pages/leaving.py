"""The pages of leaving: the download of an export, and the way back to a deleted account."""

from pydantic import Field
from starlette.responses import Response

from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint, Call, Model, Nothing
from jubilee.entrypoints.http.leaving import download
from jubilee.entrypoints.http.pages.account_email import ProofForm
from jubilee.entrypoints.http.pages.page import MAX_FIELD_CHARS, FormPage


class SignInForm(Model):
    """Username or address, and password."""

    username: str = Field("", max_length=MAX_FIELD_CHARS)
    password: str = Field("", max_length=MAX_FIELD_CHARS)


async def open_export_link(call: Call[ProofForm, Nothing]) -> Response:
    """POST /account/export."""
    return download(call, await call.services.exports.open_link(call.body.proof, call.client.ip))


async def restore(call: Call[SignInForm, Nothing]) -> str:
    """POST /account/restore."""
    name, password = call.body.username.strip(), call.body.password
    await call.services.deletions.restore(name, password, call.client)
    return "account_restored"


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    *FormPage("/account/export", "export", open_export_link, ProofForm).endpoints,
    *FormPage("/account/restore", "restore", restore, SignInForm).endpoints,
)
