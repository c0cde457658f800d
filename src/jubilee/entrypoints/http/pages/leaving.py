"""The pages of leaving: the download of an export, and the way back to a deleted account."""

from pydantic import Field
from starlette.responses import Response

from jubilee.domain.one_time.link import LinkProof, LinkToken, TypedCode
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint, Call, Model, Nothing
from jubilee.entrypoints.http.leaving import download
from jubilee.entrypoints.http.pages.account_email import ProofForm
from jubilee.entrypoints.http.pages.page import MAX_FIELD_CHARS, FormPage


class RestoreForm(Model):
    """The token of the link; or username or address, with the password or the code of the mail."""

    token: str = Field("", max_length=MAX_FIELD_CHARS)
    username: str = Field("", max_length=MAX_FIELD_CHARS)
    password: str = Field("", max_length=MAX_FIELD_CHARS)
    code: str = Field("", max_length=MAX_FIELD_CHARS)

    @property
    def proof(self) -> LinkProof | None:
        """The token or the code that was sent; None if neither was."""
        code = TypedCode(self.username.strip(), self.code) if self.code else None
        return LinkToken(self.token) if self.token else code


async def open_export_link(call: Call[ProofForm, Nothing]) -> Response:
    """POST /account/export."""
    return download(call, await call.services.exports.open_link(call.body.proof, call.client.ip))


async def restore(call: Call[RestoreForm, Nothing]) -> str:
    """POST /account/restore."""
    body, deletions = call.body, call.services.deletions
    if body.proof is None:
        await deletions.restore(body.username.strip(), body.password, call.client)
    else:
        await deletions.restore_by_link(body.proof, call.client.ip)
    return "account_restored"


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    *FormPage("/account/export", "export", open_export_link, ProofForm).endpoints,
    *FormPage("/account/restore", "restore", restore, RestoreForm).endpoints,
)
