"""The endpoint that merges two accounts of one person."""

from pydantic import Field
from starlette.responses import Response

from jubilee.domain.account_merges import SameAccount
from jubilee.domain.identity import UserId
from jubilee.domain.scopes import Scope
from jubilee.domain.users.user import LastAdmin, UserNotFound
from jubilee.entrypoints.http.fields import AccountId
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Model,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.responses import tagged
from jubilee.entrypoints.http.user_models import ACCOUNT_EXAMPLE, UserReply


class Merge(Model):
    """The account that is given up."""

    source_id: AccountId = Field(description="id of the account that is moved and then deleted")


async def merge_users(call: Call[Merge, Nothing]) -> Response:
    """POST /users/{id}/merge."""
    source_id, into = UserId(call.body.source_id), UserId(call.id)
    user = await call.services.account_merges.merge(source_id, into=into, by=call.principal)
    return tagged(UserReply.of(user))


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/users/{id}/merge",
        name="mergeUsers",
        summary="Merge another account of the same person into this one",
        tag="users",
        handler=merge_users,
        access=Access.ADMIN,
        scope=Scope.ACCOUNT,
        body=Merge,
        example={"source_id": "019aa0c0-11aa-7b02-8c5e-5f6a7b8c9d0e"},
        recent_proof=True,
        replies=(
            ResponseSpec(
                status=200,
                description="The account that remains.",
                model=UserReply,
                headers={"ETag": "version of the account, for `If-Match` and `If-None-Match`"},
                example=ACCOUNT_EXAMPLE,
            ),
        ),
        errors=(UserNotFound, SameAccount, LastAdmin),
    ),
)
