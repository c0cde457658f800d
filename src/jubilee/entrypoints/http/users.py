"""Endpoints of accounts: registration, one's own account, and all accounts for admins."""

from jubilee.domain.attempts.attempt import TooManyAttempts
from jubilee.domain.calendar import NotBornYet, UnknownTimeZone
from jubilee.domain.errors import NotAllowed
from jubilee.domain.names import InvalidFullName, InvalidUsername
from jubilee.domain.passwords import (
    HasherBusy,
    PasswordLeaked,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
)
from jubilee.domain.rate_limits.quotas import RouteClass
from jubilee.domain.scopes import Scope, SessionRequired
from jubilee.domain.users.recent_proof import ReauthenticationRequired
from jubilee.domain.users.user import (
    CurrentPasswordNeeded,
    EmailTaken,
    LastAdmin,
    ServiceAccountRefused,
    UnconfirmedEmail,
    UsernameTaken,
    UserNotFound,
    WrongCurrentPassword,
)
from jubilee.entrypoints.http.framework.conditions import (
    MalformedCondition,
)
from jubilee.entrypoints.http.framework.endpoint import (
    JSON,
    MERGE_PATCH,
    Access,
    AnyEndpoint,
    Endpoint,
    Idempotency,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.paging import page_of
from jubilee.entrypoints.http.framework.responses import (
    current_or_known,
)
from jubilee.entrypoints.http.mail_queued import ACCEPTED
from jubilee.entrypoints.http.user_handlers import (
    change_me,
    change_user,
    delete_me,
    delete_user,
    get_me,
    get_user,
    list_users,
    register,
)
from jubilee.entrypoints.http.user_models import (
    ACCOUNT_EXAMPLE,
    Account,
    AccountPatch,
    DeletionReply,
    OwnAccount,
    OwnAccountPatch,
    Registration,
    UserPage,
    UserQuery,
    UserReply,
)

TAG = "users"
TAGGED = {"ETag": "version of the account, for `If-Match` and `If-None-Match`"}
ONE = ResponseSpec(
    status=200,
    description="The account.",
    model=UserReply,
    headers=TAGGED,
    example=ACCOUNT_EXAMPLE,
)
READ = current_or_known(ONE)
REGISTERED = ResponseSpec(
    status=201,
    description="The new account; its first mail is queued.",
    model=UserReply,
    headers={"Location": "path of the account", **TAGGED},
    example=ACCOUNT_EXAMPLE,
)
DELETED = (
    ResponseSpec(
        status=202,
        description="One's own account cannot be used, and is deleted at the end of the grace.",
        model=DeletionReply,
        example={"due_at": "2026-12-20T09:00:00Z"},
    ),
    ResponseSpec(status=204, description="The account and all its data are deleted."),
)
NAME_ERRORS = (InvalidUsername, InvalidFullName)
PROFILE_ERRORS = (EmailTaken, UsernameTaken, NotBornYet, UnknownTimeZone)
PASSWORD_ERRORS = (
    PasswordTooShort,
    PasswordTooLong,
    PasswordTooCommon,
    PasswordLeaked,
    HasherBusy,
)
CHANGE_ERRORS = (
    *PROFILE_ERRORS,
    *NAME_ERRORS,
    UnconfirmedEmail,
    CurrentPasswordNeeded,
    WrongCurrentPassword,
    ReauthenticationRequired,
    SessionRequired,
    ServiceAccountRefused,
    TooManyAttempts,
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
        replies=(REGISTERED, ACCEPTED),
        errors=(*PROFILE_ERRORS, *PASSWORD_ERRORS),
        rate=RouteClass.REGISTER,
        idempotency=Idempotency.FIRST,
    )


def _me(path: str, name: str) -> AnyEndpoint:
    return Endpoint(
        method="GET",
        path=path,
        name=name,
        summary="Get one's own account",
        tag=TAG,
        handler=get_me,
        access=Access.SIGNED_IN,
        scope=Scope.PROFILE_READ,
        replies=READ,
        errors=(UserNotFound, MalformedCondition),
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    _register("/auth/register", "register"),
    _register("/users", "createUser"),
    _me("/auth/me", "whoAmI"),
    _me("/users/me", "getMe"),
    Endpoint(
        method="PUT",
        path="/users/me",
        name="replaceMe",
        summary="Replace one's own profile",
        tag=TAG,
        handler=change_me,
        access=Access.SIGNED_IN,
        scope=Scope.PROFILE_WRITE,
        body=OwnAccount,
        example=OWN_EXAMPLE,
        replies=(ONE,),
        conditional=True,
        errors=(*CHANGE_ERRORS, UserNotFound),
    ),
    Endpoint(
        method="PATCH",
        path="/users/me",
        name="changeMe",
        summary="Change some members of one's own profile",
        tag=TAG,
        handler=change_me,
        access=Access.SIGNED_IN,
        scope=Scope.PROFILE_WRITE,
        body=OwnAccountPatch,
        media=PATCH_MEDIA,
        example={"full_name": "Zoe Quill"},
        replies=(ONE,),
        conditional=True,
        idempotency=Idempotency.FIRST,
        errors=(*CHANGE_ERRORS, UserNotFound),
    ),
    Endpoint(
        method="DELETE",
        path="/users/me",
        name="deleteMe",
        summary="Delete one's own account",
        tag=TAG,
        handler=delete_me,
        access=Access.SIGNED_IN,
        recent_proof=True,
        scope=Scope.ACCOUNT,
        replies=DELETED,
        conditional=True,
        errors=(LastAdmin, UserNotFound, MalformedCondition),
    ),
    Endpoint(
        method="GET",
        path="/users",
        name="listUsers",
        summary="List all accounts, newest first",
        tag=TAG,
        handler=list_users,
        access=Access.ROLE,
        scope=Scope.USERS_READ,
        query=UserQuery,
        replies=(page_of(UserPage, ACCOUNT_EXAMPLE),),
    ),
    Endpoint(
        method="GET",
        path="/users/{id}",
        name="getUser",
        summary="Get an account: one's own, or any as an admin or support",
        tag=TAG,
        handler=get_user,
        access=Access.SIGNED_IN,
        scope=Scope.PROFILE_READ,
        replies=READ,
        errors=(UserNotFound, NotAllowed, MalformedCondition),
    ),
    Endpoint(
        method="PUT",
        path="/users/{id}",
        name="replaceUser",
        summary="Replace an account",
        tag=TAG,
        handler=change_user,
        access=Access.ADMIN,
        scope=Scope.USERS_WRITE,
        body=Account,
        example={**OWN_EXAMPLE, "is_active": True, "is_superuser": False},
        replies=(ONE,),
        conditional=True,
        errors=(*CHANGE_ERRORS, UserNotFound, LastAdmin),
    ),
    Endpoint(
        method="PATCH",
        path="/users/{id}",
        name="changeUser",
        summary="Change some members of an account",
        tag=TAG,
        handler=change_user,
        access=Access.ADMIN,
        scope=Scope.USERS_WRITE,
        body=AccountPatch,
        media=PATCH_MEDIA,
        example={"is_active": False},
        replies=(ONE,),
        conditional=True,
        idempotency=Idempotency.FIRST,
        errors=(*CHANGE_ERRORS, UserNotFound, LastAdmin),
    ),
    Endpoint(
        method="DELETE",
        path="/users/{id}",
        name="deleteUser",
        summary="Delete an account: one's own, or any as an admin",
        tag=TAG,
        handler=delete_user,
        access=Access.SIGNED_IN,
        recent_proof=True,
        scope=Scope.ACCOUNT,
        replies=DELETED,
        conditional=True,
        errors=(UserNotFound, NotAllowed, LastAdmin, MalformedCondition),
    ),
)
