"""The endpoint that lists the service's mails to the caller."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import ConfigDict, Field
from starlette.responses import Response

from jubilee.domain.own_mails import MailStatus, OwnMail
from jubilee.domain.scopes import Scope
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Nothing,
    ReplyModel,
)
from jubilee.entrypoints.http.framework.paging import (
    PageQuery,
    PageReply,
    page_of,
    paged,
    position,
)

MAIL_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    "template": "verify_email",
    "status": "sent",
    "attempts": 1,
    "created_at": "2026-11-20T09:00:00Z",
    "finished_at": "2026-11-20T09:00:01Z",
    "error": None,
}


class MailReply(ReplyModel):
    """A mail without its content."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    template: str = Field(description="what it is about, such as `verify_email`")
    status: MailStatus = Field(description="`sent`: the mail server has accepted it")
    attempts: int
    created_at: datetime
    finished_at: datetime | None
    error: str | None = Field(description="code of the last failure, such as `undeliverable`")

    @classmethod
    def of(cls, mail: OwnMail) -> Self:
        """Make the reply for a mail."""
        return cls.model_validate(mail)


class MailPage(PageReply):
    """One page of mails."""

    items: list[MailReply]


async def list_own_mails(call: Call[Nothing, PageQuery]) -> Response:
    """GET /users/me/mails."""
    page = await call.services.own_mails.list(
        by=call.principal, after=position(call), limit=call.query.limit
    )
    return paged(call, page, MailReply.of)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/users/me/mails",
        name="listMyMails",
        summary="List the service's mails to the caller, newest first",
        tag="users",
        handler=list_own_mails,
        access=Access.SIGNED_IN,
        scope=Scope.PROFILE_READ,
        query=PageQuery,
        replies=(page_of(MailPage, MAIL_EXAMPLE),),
    ),
)
