"""Endpoints for leaving: an export of one's own data, and the undoing of a deletion."""

from http import HTTPStatus
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from starlette.responses import Response, StreamingResponse

from jubilee.domain.attempts.attempt import TooManyAttempts
from jubilee.domain.auth.tokens import InvalidGrant
from jubilee.domain.leaving.export import Export, ExportNotFound
from jubilee.domain.one_time.link import InvalidLink
from jubilee.domain.passwords import HasherBusy
from jubilee.domain.rate_limits.quotas import RouteClass
from jubilee.domain.scopes import Scope
from jubilee.domain.tasks.task import TaskIdTaken, TooManyTasks
from jubilee.entrypoints.http.account_email_models import (
    CODE_EXAMPLE,
    TOKEN_EXAMPLE,
    CodeProof,
    ProofBody,
    TokenProof,
)
from jubilee.entrypoints.http.choices import require_choice
from jubilee.entrypoints.http.fields import Password, absent
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Model,
    Nothing,
    OneOf,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.negotiation import preferred_media
from jubilee.entrypoints.http.framework.responses import no_content, tagged
from jubilee.entrypoints.http.task_models import QUEUED_EXAMPLE, TaskReply

TAG = "users"
ZIP = "application/zip"
OCTETS = "application/octet-stream"
"""The same archive under the one binary type that client generators know."""
DOWNLOAD_S = 900.0
"""How long a download may take; each chunk is read when the client has taken the one before."""
CREDENTIALS_EXAMPLE = {"username": "zoe@example.com", "password": "correct horse battery"}
Login = Annotated[
    str, Field(min_length=1, max_length=254, description="username or e-mail address")
]
EXPORT_EXAMPLE = {
    **QUEUED_EXAMPLE,
    "task_id": "account.export",
    "kind": "account.export",
    "data": {},
}


class Credentials(Model):
    """Username or e-mail address, and password."""

    username: Login
    password: Password


class RestoreBody(ProofBody):
    """The proof of the mail about the deletion, or the credentials."""

    username: Login = absent()
    password: Password = absent()

    @model_validator(mode="after")
    def _is_one_proof(self) -> Self:
        return require_choice(self, {"token"}, {"code", "email"}, {"username", "password"})


class Restoration(OneOf[TokenProof | CodeProof | Credentials]):
    """Token or code of the mail about the deletion, or username or address and password."""


async def request_export(call: Call[Nothing, Nothing]) -> Response:
    """POST /users/me/export."""
    task = await call.services.exports.request(by=call.principal)
    headers = {"Location": f"{call.mount}/tasks/{task.id}"}
    return tagged(TaskReply.of(task), headers=headers, status=HTTPStatus.ACCEPTED)


async def get_export(call: Call[Nothing, Nothing]) -> Response:
    """GET /users/me/export."""
    user_id = call.principal.user_id
    return download(call, await call.services.exports.find(user_id, actor=user_id))


async def restore(call: Call[RestoreBody, Nothing]) -> Response:
    """POST /users/me/restore."""
    body, deletions = call.body, call.services.deletions
    if "password" in body.model_fields_set:
        await deletions.restore(body.username, body.password, call.client)
    else:
        await deletions.restore_by_link(body.proof, call.client.ip)
    return no_content()


def download(call: Call[Any, Nothing], export: Export) -> Response:
    """Respond with the archive, in chunks that are read while it is sent."""
    call.extend(DOWNLOAD_S)
    headers = {
        "Content-Length": str(export.size_bytes),
        "Content-Disposition": 'attachment; filename="account.zip"',
        "Cache-Control": "no-store",
    }
    chunks = call.services.exports.chunks(export)
    media = preferred_media(call.request.headers, (ZIP, OCTETS))
    return StreamingResponse(chunks, headers=headers, media_type=media)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/users/me/export",
        name="exportMe",
        summary="Request an archive of one's own data",
        tag=TAG,
        handler=request_export,
        access=Access.SIGNED_IN,
        recent_proof=True,
        scope=Scope.ACCOUNT,
        replies=(
            ResponseSpec(
                status=HTTPStatus.ACCEPTED,
                description="The export is queued, or one is under way.",
                model=TaskReply,
                headers={"Location": "path of the task", "ETag": "version of the task"},
                example=EXPORT_EXAMPLE,
            ),
        ),
        errors=(TaskIdTaken, TooManyTasks),
    ),
    Endpoint(
        method="GET",
        path="/users/me/export",
        name="getMyExport",
        summary="Download the archive of one's own data",
        tag=TAG,
        handler=get_export,
        access=Access.SIGNED_IN,
        recent_proof=True,
        scope=Scope.ACCOUNT,
        replies=(
            ResponseSpec(
                status=200,
                description="A zip file.",
                media=ZIP,
                other_media=(OCTETS,),
                headers={"Content-Disposition": "name of the file"},
            ),
        ),
        errors=(ExportNotFound,),
        compressed=False,
    ),
    Endpoint(
        method="POST",
        path="/users/me/restore",
        name="restoreMe",
        summary="Undo the deletion of one's own account",
        tag=TAG,
        handler=restore,
        access=Access.ANYONE,
        body=RestoreBody,
        body_schema=Restoration,
        example=CREDENTIALS_EXAMPLE,
        examples={
            "credentials": CREDENTIALS_EXAMPLE,
            "link": {"token": TOKEN_EXAMPLE},
            "code": {"email": "zoe@example.com", "code": CODE_EXAMPLE},
        },
        replies=(ResponseSpec(status=204, description="The account can be used again."),),
        errors=(InvalidGrant, InvalidLink, HasherBusy, TooManyAttempts),
        rate=RouteClass.SIGN_IN,
    ),
)
