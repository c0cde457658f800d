"""Accounts: registering, one's own, and all of them for admins."""

from typing import Any, TypeAlias, TypeVar, cast

from starlette.requests import Request
from starlette.responses import Response

from jubilee.domain.calendar import NotBornYet, UnknownTimeZone
from jubilee.domain.concurrency import VersionCheck
from jubilee.domain.errors import NotAllowed
from jubilee.domain.identity import UserId
from jubilee.domain.names import InvalidFullName, InvalidUsername
from jubilee.domain.passwords import (
    HasherBusy,
    PasswordChange,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
)
from jubilee.domain.users import (
    CurrentPasswordNeeded,
    EmailTaken,
    LastAdmin,
    Profile,
    User,
    UsernameTaken,
    UserNotFound,
    WrongCurrentPassword,
)
from jubilee.entrypoints.http.framework.conditions import (
    MalformedCondition,
    content_tag,
    etag,
    precondition,
)
from jubilee.entrypoints.http.framework.endpoint import (
    JSON,
    MERGE_PATCH,
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.paging import page_of, paged, position
from jubilee.entrypoints.http.framework.responses import (
    created,
    current,
    current_or_known,
    no_content,
    tagged,
)
from jubilee.entrypoints.http.user_models import (
    ACCOUNT_EXAMPLE,
    Account,
    AccountPatch,
    OwnAccount,
    OwnAccountPatch,
    Registration,
    UserPage,
    UserQuery,
    UserReply,
)

TAG = "users"
SECRETS = {"password", "current_password"}

Change: TypeAlias = OwnAccount | OwnAccountPatch | Account | AccountPatch
C = TypeVar("C", bound=Change)


async def register(call: Call[Registration, Nothing]) -> Response:
    """POST /auth/register and /users."""
    profile = cast("Profile", call.body.model_dump(exclude=SECRETS))
    user = await call.services.users.register(profile, call.body.password)
    reply = UserReply.of(user)
    return created(reply, f"{call.mount}/users/{user.id}", etag=etag(content_tag(reply)))


async def get_me(call: Call[Nothing, Nothing]) -> Response:
    """GET /users/me and /auth/me."""
    me = call.principal
    user = await call.services.users.get(me.user_id, by=me)
    return current(call.request, UserReply.of(user))


async def change_me(call: Call[C, Nothing]) -> Response:
    """PUT and PATCH /users/me."""
    return await _change(call, call.principal.user_id)


async def delete_me(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /users/me."""
    return await _delete(call, call.principal.user_id)


async def list_users(call: Call[Nothing, UserQuery]) -> Response:
    """GET /users."""
    query = call.query
    page = await call.services.users.list(search=query.q, after=position(call), limit=query.limit)
    return paged(call, UserPage, page, UserReply.of)


async def get_user(call: Call[Nothing, Nothing]) -> Response:
    """GET /users/{id}."""
    user = await call.services.users.get(UserId(call.id), by=call.principal)
    return current(call.request, UserReply.of(user))


async def change_user(call: Call[C, Nothing]) -> Response:
    """PUT and PATCH /users/{id}."""
    return await _change(call, UserId(call.id))


async def delete_user(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /users/{id}."""
    return await _delete(call, UserId(call.id))


async def _delete(call: Call[Nothing, Nothing], user_id: UserId) -> Response:
    await call.services.users.delete(user_id, by=call.principal, expects=_expects(call.request))
    return no_content()


async def _change(call: Call[C, Nothing], user_id: UserId) -> Response:
    """A PUT says everything, what it leaves out by its default; a PATCH only what it names."""
    body = call.body
    partial = isinstance(body, OwnAccountPatch | AccountPatch)
    profile = cast("Profile", body.model_dump(exclude=SECRETS, exclude_unset=partial))
    passwords = PasswordChange(new=body.password, current=body.current_password)
    user = await call.services.users.change(
        user_id, profile, passwords, by=call.principal, expects=_expects(call.request)
    )
    return tagged(UserReply.of(user))


def _expects(request: Request) -> VersionCheck[User] | None:
    return precondition(request.headers, _tag)


def _tag(user: User) -> str:
    return content_tag(UserReply.of(user))


TAGGED = {"ETag": "changes with the account, for If-Match and If-None-Match"}
ONE = ResponseSpec(
    status=200,
    description="The account.",
    model=UserReply,
    headers=TAGGED,
    example=ACCOUNT_EXAMPLE,
)
SEEN = current_or_known(ONE)
REGISTERED = ResponseSpec(
    status=201,
    description="The new account; its welcome message is on its way.",
    model=UserReply,
    headers={"Location": "where the account is", **TAGGED},
    example=ACCOUNT_EXAMPLE,
)
GONE = ResponseSpec(status=204, description="The account is gone, with all that belonged to it.")
NAME_ERRORS = (InvalidUsername, InvalidFullName)
PROFILE_ERRORS = (EmailTaken, UsernameTaken, NotBornYet, UnknownTimeZone)
PASSWORD_ERRORS = (PasswordTooShort, PasswordTooLong, PasswordTooCommon, HasherBusy)
CHANGE_ERRORS = (
    *PROFILE_ERRORS,
    *NAME_ERRORS,
    CurrentPasswordNeeded,
    WrongCurrentPassword,
    *PASSWORD_ERRORS,
    MalformedCondition,
)
PATCH_MEDIA = (JSON, MERGE_PATCH)
OWN_EXAMPLE = {"email": "zoe@example.com", "username": "zoe", "time_zone": "Europe/Vienna"}


def _register(path: str, name: str) -> AnyEndpoint:
    return Endpoint(
        method="POST",
        path=path,
        name=name,
        summary="Register an account",
        tag=TAG,
        handler=register,
        access=Access.ANYONE,
        body=Registration,
        example={"email": "zoe@example.com", "password": "correct horse battery"},
        replies=(REGISTERED,),
        errors=(*PROFILE_ERRORS, *PASSWORD_ERRORS),
    )


def _me(path: str, name: str) -> AnyEndpoint:
    return Endpoint(
        method="GET",
        path=path,
        name=name,
        summary="Who is signed in",
        tag=TAG,
        handler=get_me,
        access=Access.SIGNED_IN,
        replies=SEEN,
        errors=(UserNotFound, MalformedCondition),
    )


def _changing(**what: Any) -> AnyEndpoint:  # noqa: ANN401  # Endpoint names and checks them
    return Endpoint(tag=TAG, replies=(ONE,), conditional=True, **what)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    _register("/auth/register", "register"),
    _register("/users", "createUser"),
    _me("/auth/me", "whoAmI"),
    _me("/users/me", "getMe"),
    _changing(
        method="PUT",
        path="/users/me",
        name="replaceMe",
        summary="Replace one's own profile; what is left out takes its default",
        handler=change_me,
        access=Access.SIGNED_IN,
        body=OwnAccount,
        example=OWN_EXAMPLE,
        errors=(*CHANGE_ERRORS, UserNotFound),
    ),
    _changing(
        method="PATCH",
        path="/users/me",
        name="changeMe",
        summary="Change some members of one's own profile",
        handler=change_me,
        access=Access.SIGNED_IN,
        body=OwnAccountPatch,
        media=PATCH_MEDIA,
        example={"full_name": "Zoe Quill"},
        errors=(*CHANGE_ERRORS, UserNotFound),
    ),
    Endpoint(
        method="DELETE",
        path="/users/me",
        name="deleteMe",
        summary="Delete one's own account with its sessions, birthday, tasks and items",
        tag=TAG,
        handler=delete_me,
        access=Access.SIGNED_IN,
        replies=(GONE,),
        conditional=True,
        errors=(LastAdmin, UserNotFound, MalformedCondition),
    ),
    Endpoint(
        method="GET",
        path="/users",
        name="listUsers",
        summary="All accounts, newest first",
        tag=TAG,
        handler=list_users,
        access=Access.ADMIN,
        query=UserQuery,
        replies=(page_of(UserPage, ACCOUNT_EXAMPLE),),
    ),
    Endpoint(
        method="GET",
        path="/users/{id}",
        name="getUser",
        summary="An account: one's own, or any for an admin",
        tag=TAG,
        handler=get_user,
        access=Access.SIGNED_IN,
        replies=SEEN,
        errors=(UserNotFound, NotAllowed, MalformedCondition),
    ),
    _changing(
        method="PUT",
        path="/users/{id}",
        name="replaceUser",
        summary="Replace an account's profile and standing",
        handler=change_user,
        access=Access.ADMIN,
        body=Account,
        example={**OWN_EXAMPLE, "is_active": True, "is_superuser": False},
        errors=(*CHANGE_ERRORS, UserNotFound, LastAdmin),
    ),
    _changing(
        method="PATCH",
        path="/users/{id}",
        name="changeUser",
        summary="Change some members of an account's profile and standing",
        handler=change_user,
        access=Access.ADMIN,
        body=AccountPatch,
        media=PATCH_MEDIA,
        example={"is_active": False},
        errors=(*CHANGE_ERRORS, UserNotFound, LastAdmin),
    ),
    Endpoint(
        method="DELETE",
        path="/users/{id}",
        name="deleteUser",
        summary="Delete an account: one's own, or any for an admin",
        tag=TAG,
        handler=delete_user,
        access=Access.SIGNED_IN,
        replies=(GONE,),
        conditional=True,
        errors=(UserNotFound, NotAllowed, LastAdmin, MalformedCondition),
    ),
)
