"""Handlers of the user endpoints."""

from http import HTTPStatus
from typing import TypeAlias, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from jubilee.domain.concurrency import VersionCheck
from jubilee.domain.identity import UserId
from jubilee.domain.passwords import PasswordChange
from jubilee.domain.users.user import Profile, User
from jubilee.entrypoints.http.framework.conditions import content_tag, precondition
from jubilee.entrypoints.http.framework.endpoint import Call, Nothing
from jubilee.entrypoints.http.framework.paging import paged, position
from jubilee.entrypoints.http.framework.responses import no_content, ok, tagged
from jubilee.entrypoints.http.mail_queued import MailQueued
from jubilee.entrypoints.http.user_models import (
    Account,
    AccountPatch,
    DeletionReply,
    OwnAccount,
    OwnAccountPatch,
    Registration,
    UserQuery,
    UserReply,
    user_row,
)
from jubilee.languages.catalogs import preferred_language

AccountChange: TypeAlias = OwnAccount | OwnAccountPatch | Account | AccountPatch
C = TypeVar("C", bound=AccountChange)


async def register(call: Call[Registration, Nothing]) -> Response:
    """POST /auth/register and /users."""
    profile, hidden = _profile(call), call.services.hidden_registrations
    if hidden is None:
        return await _register(call, profile)
    await hidden.request(profile, call.body.password)
    return ok(MailQueued(), status=HTTPStatus.ACCEPTED)


def _profile(call: Call[Registration, Nothing]) -> Profile:
    """Return what the client sent, and the language that it reads unless it sent one."""
    accepted, profile = call.request.headers.get("accept-language", ""), call.body.to_domain()
    profile["locale"] = profile["locale"] or preferred_language(accepted)
    return profile


async def _register(call: Call[Registration, Nothing], profile: Profile) -> Response:
    user = await call.services.users.register(profile, call.body.password)
    call.contains_data_of(user.id)
    headers = {"Location": f"{call.mount}/users/{user.id}"}
    return tagged(UserReply.of(user), headers=headers, status=HTTPStatus.CREATED)


async def get_me(call: Call[Nothing, Nothing]) -> Response:
    """GET /users/me and /auth/me."""
    me = call.principal
    user = await call.services.users.get(me.user_id, by=me)
    return ok(UserReply.of(user))


async def change_me(call: Call[C, Nothing]) -> Response:
    """PUT and PATCH /users/me."""
    return await _change(call, call.principal.user_id)


async def delete_me(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /users/me."""
    return await _delete(call, call.principal.user_id)


async def list_users(call: Call[Nothing, UserQuery]) -> Response:
    """GET /users."""
    query = call.query
    page = await call.services.users.list(
        search=query.q, by=call.principal, after=position(call), limit=query.limit
    )
    return paged(call, page, user_row)


async def get_user(call: Call[Nothing, Nothing]) -> Response:
    """GET /users/{id}."""
    user = await call.services.users.get(UserId(call.id), by=call.principal)
    return ok(UserReply.of(user))


async def change_user(call: Call[C, Nothing]) -> Response:
    """PUT and PATCH /users/{id}."""
    return await _change(call, UserId(call.id))


async def delete_user(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /users/{id}."""
    return await _delete(call, UserId(call.id))


async def _delete(call: Call[Nothing, Nothing], user_id: UserId) -> Response:
    due_at = await call.services.deletions.delete(
        user_id, by=call.principal, expects=_expects(call.request)
    )
    if due_at is None:
        return no_content()
    return ok(DeletionReply(due_at=due_at), status=HTTPStatus.ACCEPTED)


async def _change(call: Call[C, Nothing], user_id: UserId) -> Response:
    body = call.body
    call.contains_data_of(user_id)
    passwords = PasswordChange(new=body.password, current=body.current_password)
    user = await call.services.users.change(
        user_id, body.to_domain(), passwords, by=call.principal, expects=_expects(call.request)
    )
    return tagged(UserReply.of(user))


def _expects(request: Request) -> VersionCheck[User] | None:
    return precondition(request.headers, _tag)


def _tag(user: User) -> str:
    return content_tag(UserReply.of(user))
