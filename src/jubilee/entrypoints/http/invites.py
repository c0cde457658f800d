"""Endpoints of invites."""

from http import HTTPStatus

from starlette.responses import Response

from jubilee.domain.attempts.attempt import TooManyAttempts
from jubilee.domain.invites.invite import (
    InvalidInvite,
    InviteExpiryOutOfRange,
    InviteNotFound,
    TooManyInvites,
)
from jubilee.domain.rate_limits.quotas import RouteClass
from jubilee.domain.roles.role import RoleBeyondOwn, UnknownRole
from jubilee.domain.scopes import Scope
from jubilee.domain.users.user import EmailTaken, UsernameTaken
from jubilee.entrypoints.http.account_email_models import CODE_EXAMPLE, TOKEN_EXAMPLE
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Idempotency,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.paging import PageQuery, page_of, paged, position
from jubilee.entrypoints.http.framework.responses import no_content, ok, tagged
from jubilee.entrypoints.http.invite_models import (
    INVITE_EXAMPLE,
    NEW_ACCOUNT_EXAMPLE,
    AcceptanceBody,
    InviteAcceptance,
    InviteBody,
    InvitePage,
    InviteReply,
)
from jubilee.entrypoints.http.user_models import ACCOUNT_EXAMPLE, UserReply
from jubilee.entrypoints.http.users import NAME_ERRORS, PASSWORD_ERRORS, TAGGED

TAG = "invites"


async def create_invite(call: Call[InviteBody, Nothing]) -> Response:
    """POST /invites."""
    body = call.body
    invite = await call.services.invites.create(
        body.email, body.role, by=call.principal, expires_at=body.expires
    )
    return ok(InviteReply.of(invite), status=HTTPStatus.CREATED)


async def list_invites(call: Call[Nothing, PageQuery]) -> Response:
    """GET /invites."""
    page = await call.services.invites.list(after=position(call), limit=call.query.limit)
    return paged(call, page, InviteReply.of)


async def revoke_invite(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /invites/{id}."""
    await call.services.invites.revoke(call.id, by=call.principal)
    return no_content()


async def accept_invite(call: Call[AcceptanceBody, Nothing]) -> Response:
    """POST /invites/accept."""
    user = await call.services.invites.accept(call.body.to_domain(), call.client.ip)
    headers = {"Location": f"{call.mount}/users/{user.id}"}
    return tagged(UserReply.of(user), headers=headers, status=HTTPStatus.CREATED)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/invites",
        name="createInvite",
        summary="Invite an address to register, with a role",
        tag=TAG,
        handler=create_invite,
        access=Access.ROLE,
        recent_proof=True,
        scope=Scope.INVITES_WRITE,
        body=InviteBody,
        example={"email": "max@example.com", "role": "user"},
        replies=(
            ResponseSpec(
                status=201,
                description="The invite; its mail is queued.",
                model=InviteReply,
                example=INVITE_EXAMPLE,
            ),
        ),
        idempotency=Idempotency.IN_TRANSACTION,
        errors=(UnknownRole, RoleBeyondOwn, InviteExpiryOutOfRange, TooManyInvites),
    ),
    Endpoint(
        method="GET",
        path="/invites",
        name="listInvites",
        summary="List the pending invites, newest first",
        tag=TAG,
        handler=list_invites,
        access=Access.ROLE,
        scope=Scope.INVITES_READ,
        query=PageQuery,
        replies=(page_of(InvitePage, INVITE_EXAMPLE),),
    ),
    Endpoint(
        method="DELETE",
        path="/invites/{id}",
        name="revokeInvite",
        summary="Revoke a pending invite",
        tag=TAG,
        handler=revoke_invite,
        access=Access.ROLE,
        scope=Scope.INVITES_WRITE,
        replies=(ResponseSpec(status=204, description="The invite is no longer valid."),),
        errors=(InviteNotFound,),
    ),
    Endpoint(
        method="POST",
        path="/invites/accept",
        name="acceptInvite",
        summary="Register by an invite",
        tag=TAG,
        handler=accept_invite,
        access=Access.ANYONE,
        body=AcceptanceBody,
        body_schema=InviteAcceptance,
        example={"token": TOKEN_EXAMPLE, **NEW_ACCOUNT_EXAMPLE},
        examples={
            "link": {"token": TOKEN_EXAMPLE, **NEW_ACCOUNT_EXAMPLE},
            "code": {"email": "max@example.com", "code": CODE_EXAMPLE, **NEW_ACCOUNT_EXAMPLE},
        },
        replies=(
            ResponseSpec(
                status=201,
                description="The new account, whose address is verified.",
                model=UserReply,
                headers={"Location": "path of the account", **TAGGED},
                example=ACCOUNT_EXAMPLE,
            ),
        ),
        rate=RouteClass.REGISTER,
        errors=(
            InvalidInvite,
            TooManyAttempts,
            EmailTaken,
            UsernameTaken,
            *NAME_ERRORS,
            *PASSWORD_ERRORS,
        ),
    ),
)
