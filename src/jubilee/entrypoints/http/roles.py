"""Endpoints of roles: which there are, and which an account has."""

from starlette.requests import Request
from starlette.responses import Response

from jubilee.domain.concurrency import VersionCheck
from jubilee.domain.identity import UserId
from jubilee.domain.roles.role import AccountRoles, RoleBeyondOwn, UnknownRole
from jubilee.domain.scopes import Scope
from jubilee.domain.users.user import LastAdmin, ServiceAccountRefused, UserNotFound
from jubilee.entrypoints.http.framework.conditions import (
    MalformedCondition,
    content_tag,
    precondition,
)
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.responses import current_or_known, ok, tagged
from jubilee.entrypoints.http.role_models import (
    ACCOUNT_ROLES_EXAMPLE,
    ROLE_EXAMPLE,
    AccountRolesBody,
    AccountRolesReply,
    RolePage,
    RoleReply,
)

TAG = "roles"
ONE = ResponseSpec(
    status=200,
    description="The roles of the account.",
    model=AccountRolesReply,
    headers={"ETag": "version of the roles, for `If-Match` and `If-None-Match`"},
    example=ACCOUNT_ROLES_EXAMPLE,
)


async def list_roles(call: Call[Nothing, Nothing]) -> Response:
    """GET /roles."""
    rows = [RoleReply.of(role) for role in await call.services.roles.list()]
    return ok(RolePage(items=rows, next_cursor=None))


async def get_account_roles(call: Call[Nothing, Nothing]) -> Response:
    """GET /users/{id}/roles."""
    found = await call.services.roles.get(UserId(call.id), by=call.principal)
    return ok(AccountRolesReply.of(found))


async def put_account_roles(call: Call[AccountRolesBody, Nothing]) -> Response:
    """PUT /users/{id}/roles."""
    roles = await call.services.roles.put(
        UserId(call.id), call.body.roles, by=call.principal, expects=_expects(call.request)
    )
    return tagged(AccountRolesReply.of(roles))


def _expects(request: Request) -> VersionCheck[AccountRoles] | None:
    return precondition(request.headers, _tag)


def _tag(roles: AccountRoles) -> str:
    return content_tag(AccountRolesReply.of(roles))


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/roles",
        name="listRoles",
        summary="List the roles and their scopes",
        tag=TAG,
        handler=list_roles,
        access=Access.ROLE,
        scope=Scope.ROLES_READ,
        replies=(
            ResponseSpec(
                status=200,
                description="All roles, by name.",
                model=RolePage,
                example={"items": [ROLE_EXAMPLE], "next_cursor": None},
            ),
        ),
    ),
    Endpoint(
        method="GET",
        path="/users/{id}/roles",
        name="getUserRoles",
        summary="Get the roles of an account",
        tag=TAG,
        handler=get_account_roles,
        access=Access.ROLE,
        scope=Scope.ROLES_READ,
        replies=current_or_known(ONE),
        errors=(UserNotFound, MalformedCondition),
    ),
    Endpoint(
        method="PUT",
        path="/users/{id}/roles",
        name="replaceUserRoles",
        summary="Grant an account exactly these roles",
        tag=TAG,
        handler=put_account_roles,
        access=Access.ROLE,
        scope=Scope.ROLES_WRITE,
        body=AccountRolesBody,
        example={"roles": ["support"]},
        recent_proof=True,
        replies=(ONE,),
        conditional=True,
        errors=(
            *(UserNotFound, UnknownRole, RoleBeyondOwn),
            *(LastAdmin, ServiceAccountRefused, MalformedCondition),
        ),
    ),
)
