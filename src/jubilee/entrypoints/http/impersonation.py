"""The endpoint by which support acts as an account."""

from typing import Self
from uuid import UUID

from starlette.responses import Response

from jubilee.domain.account_locks import InvalidReason
from jubilee.domain.identity import UserId
from jubilee.domain.impersonation import CannotSignIn, ImpersonationToken
from jubilee.domain.roles.ranks import OwnAccountRefused
from jubilee.domain.roles.role import RankTooHigh
from jubilee.domain.scopes import Scope
from jubilee.domain.users.user import UserNotFound
from jubilee.entrypoints.http.fields import Reason
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Model,
    Nothing,
    ReplyModel,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.responses import ok


class Impersonation(Model):
    """Why the caller acts as the account."""

    reason: Reason


class ImpersonationReply(ReplyModel):
    """An access token without a refresh token; `expires_in` is its lifetime in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    user_id: UUID

    @classmethod
    def of(cls, token: ImpersonationToken) -> Self:
        """Make the reply for a token."""
        return cls(
            access_token=token.access,
            token_type="bearer",  # noqa: S106  # the name of a scheme, not a secret
            expires_in=token.lifetime,
            user_id=token.user_id,
        )


EXAMPLE = {
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl",
    "token_type": "bearer",
    "expires_in": 900,
    "user_id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
}


async def impersonate(call: Call[Impersonation, Nothing]) -> Response:
    """POST /users/{id}/impersonate."""
    user_id, reason = UserId(call.id), call.body.reason
    token = await call.services.impersonation.start(user_id, reason, by=call.principal)
    return ok(ImpersonationReply.of(token))


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/users/{id}/impersonate",
        name="impersonateUser",
        summary="Act as an account of lower rank for a few minutes",
        tag="users",
        handler=impersonate,
        access=Access.ROLE,
        scope=Scope.USERS_IMPERSONATE,
        body=Impersonation,
        example={"reason": "cannot see their own tasks, ticket 4711"},
        recent_proof=True,
        replies=(
            ResponseSpec(
                status=200,
                description="The access token; there is no refresh token.",
                model=ImpersonationReply,
                example=EXAMPLE,
            ),
        ),
        errors=(UserNotFound, OwnAccountRefused, RankTooHigh, CannotSignIn, InvalidReason),
    ),
)
