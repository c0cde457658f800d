"""Endpoints that lock and unlock accounts."""

from pydantic import Field
from starlette.responses import Response

from jubilee.domain.account_locks import InvalidReason, LockEndsInPast
from jubilee.domain.identity import UserId
from jubilee.domain.roles.ranks import OwnAccountRefused
from jubilee.domain.roles.role import RankTooHigh
from jubilee.domain.scopes import Scope
from jubilee.domain.users.user import LastAdmin, UserNotFound
from jubilee.entrypoints.http.fields import Instant, Reason
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Model,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.responses import no_content

TAG = "users"


class Lock(Model):
    """Why an account is locked, and how long."""

    reason: Reason | None = None
    until: Instant | None = Field(None, description="when the lock ends by itself")


async def lock_user(call: Call[Lock, Nothing]) -> Response:
    """POST /users/{id}/lock."""
    body, user_id = call.body, UserId(call.id)
    locks = call.services.account_locks
    await locks.lock(user_id, by=call.principal, reason=body.reason, until=body.until)
    return no_content()


async def unlock_user(call: Call[Nothing, Nothing]) -> Response:
    """POST /users/{id}/unlock."""
    await call.services.account_locks.unlock(UserId(call.id), by=call.principal)
    return no_content()


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/users/{id}/lock",
        name="lockUser",
        summary="Lock an account and end its sessions",
        tag=TAG,
        handler=lock_user,
        access=Access.ROLE,
        scope=Scope.USERS_LOCK,
        body=Lock,
        body_required=False,
        example={"reason": "a stolen telephone, ticket 4711"},
        replies=(ResponseSpec(status=204, description="The account is locked."),),
        errors=(
            UserNotFound,
            OwnAccountRefused,
            RankTooHigh,
            LastAdmin,
            InvalidReason,
            LockEndsInPast,
        ),
    ),
    Endpoint(
        method="POST",
        path="/users/{id}/unlock",
        name="unlockUser",
        summary="End every lock of an account",
        tag=TAG,
        handler=unlock_user,
        access=Access.ROLE,
        scope=Scope.USERS_LOCK,
        replies=(ResponseSpec(status=204, description="The account is not locked any more."),),
        errors=(UserNotFound, RankTooHigh),
    ),
)
