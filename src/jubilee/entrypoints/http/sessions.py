"""Endpoints of the sessions of one's own account."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field
from starlette.responses import Response

from jubilee.domain.auth.devices import device_name
from jubilee.domain.auth.sessions import Session, SessionNotFound
from jubilee.domain.identity import SessionId
from jubilee.domain.scopes import Scope
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
from jubilee.entrypoints.http.framework.paging import PageReply
from jubilee.entrypoints.http.framework.responses import no_content, ok

TAG = "auth"
SESSION_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    "created_at": "2026-11-20T09:00:00Z",
    "last_used_at": "2026-11-20T09:30:00Z",
    "expires_at": "2026-12-20T09:30:00Z",
    "ip": "192.0.2.7",
    "place": "Hamburg, Germany",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "device": "Firefox on Linux",
    "current": True,
}


class SessionReply(ReplyModel):
    """A session of the account, without its tokens."""

    id: UUID
    created_at: datetime
    last_used_at: datetime = Field(description="when a token was used, to within a few minutes")
    expires_at: datetime
    ip: str | None = Field(description="address of the sign-in")
    place: str | None = Field(
        description="city and country of the address; null if it is not known, or the service has"
        " no database of places"
    )
    user_agent: str | None
    device: str | None = Field(description="browser or program, and system, by the user agent")
    current: bool = Field(description="whether it is the session of the request")

    @classmethod
    def of(cls, session: Session, current: SessionId, places: Mapping[str, str]) -> Self:
        """Make the reply for a session; `current` is that of the request."""
        return cls(
            id=session.id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            ip=session.client.ip,
            place=places.get(session.client.ip or ""),
            user_agent=session.client.user_agent,
            device=device_name(session.client.user_agent),
            current=session.id == current,
        )


class SessionPage(PageReply):
    """All sessions of the account: at most a hundred, so always a single page."""

    items: list[SessionReply]


class EndSessionsQuery(Model):
    """Which of one's own sessions end."""

    keep_current: bool = Field(False, description="whether the session of the request stays")


async def list_sessions(call: Call[Nothing, Nothing]) -> Response:
    """GET /auth/sessions."""
    current = call.principal.session
    found = await call.services.sessions.list(call.principal)
    places = await call.services.sessions.places_of(found)
    rows = [SessionReply.of(session, current, places) for session in found]
    return ok(SessionPage(items=rows, next_cursor=None))


async def end_session(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /auth/sessions/{id}."""
    await call.services.sessions.end(SessionId(call.id), by=call.principal)
    return no_content()


async def end_sessions(call: Call[Nothing, EndSessionsQuery]) -> Response:
    """DELETE /auth/sessions."""
    keep = call.query.keep_current
    await call.services.sessions.end_all(by=call.principal, keep_current=keep)
    return no_content()


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/auth/sessions",
        name="listSessions",
        summary="List one's own sessions, newest first",
        tag=TAG,
        handler=list_sessions,
        access=Access.SIGNED_IN,
        scope=Scope.ACCOUNT,
        replies=(
            ResponseSpec(
                status=200,
                description="All sessions of the account.",
                model=SessionPage,
                example={"items": [SESSION_EXAMPLE], "next_cursor": None},
            ),
        ),
    ),
    Endpoint(
        method="DELETE",
        path="/auth/sessions",
        name="endSessions",
        summary="Sign out everywhere",
        tag=TAG,
        handler=end_sessions,
        access=Access.SIGNED_IN,
        scope=Scope.ACCOUNT,
        query=EndSessionsQuery,
        replies=(ResponseSpec(status=204, description="The sessions have ended."),),
    ),
    Endpoint(
        method="DELETE",
        path="/auth/sessions/{id}",
        name="endSession",
        summary="End one of one's own sessions",
        tag=TAG,
        handler=end_session,
        access=Access.SIGNED_IN,
        scope=Scope.ACCOUNT,
        replies=(ResponseSpec(status=204, description="The session has ended."),),
        errors=(SessionNotFound,),
    ),
)
