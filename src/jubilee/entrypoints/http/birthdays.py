"""Endpoints that list birthdays, for admins."""

from datetime import date
from typing import Self
from uuid import UUID

from pydantic import ConfigDict, Field
from starlette.responses import Response

from jubilee.domain.celebrations import Celebration
from jubilee.domain.scopes import Scope
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Nothing,
    ReplyModel,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.paging import PageQuery, PageReply, page_of, paged, position

TAG = "birthdays"


class UpcomingQuery(PageQuery):
    """Range of the list of upcoming birthdays."""

    days: int = Field(30, ge=1, le=366, description="number of days, starting with tomorrow")


class CelebrationReply(ReplyModel):
    """A person's next birthday."""

    model_config = ConfigDict(from_attributes=True)

    name: str | None = Field(description="null for an account without a username")
    user_id: UUID | None = Field(description="account; null for a name without an account")
    day: date = Field(serialization_alias="date", description="date of the birthday")
    days: int = Field(description="days until the birthday, in this person's time zone")
    turning: int = Field(description="age on that birthday")

    @classmethod
    def of(cls, celebration: Celebration) -> Self:
        """Make the reply for a celebration, without date of birth and row id."""
        return cls.model_validate(celebration)


class CelebrationPage(PageReply):
    """One page of birthdays."""

    items: list[CelebrationReply]


async def list_today(call: Call[Nothing, PageQuery]) -> Response:
    """GET /birthdays/today."""
    page = await call.services.birthdays.today(
        by=call.principal, after=position(call), limit=call.query.limit
    )
    return paged(call, page, CelebrationReply.of)


async def list_upcoming(call: Call[Nothing, UpcomingQuery]) -> Response:
    """GET /birthdays/upcoming."""
    query = call.query
    page = await call.services.birthdays.upcoming(
        query.days, by=call.principal, after=position(call), limit=query.limit
    )
    return paged(call, page, CelebrationReply.of)


def _page(days: int, day: str) -> ResponseSpec:
    celebration = {
        "name": "zoe",
        "user_id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
        "date": day,
        "days": days,
        "turning": 37,
    }
    return page_of(CelebrationPage, celebration)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/birthdays/today",
        name="listBirthdaysToday",
        summary="List today's birthdays",
        tag=TAG,
        handler=list_today,
        access=Access.ADMIN,
        scope=Scope.BIRTHDAYS_READ,
        query=PageQuery,
        replies=(_page(0, "2027-02-28"),),
    ),
    Endpoint(
        method="GET",
        path="/birthdays/upcoming",
        name="listUpcomingBirthdays",
        summary="List upcoming birthdays, nearest first",
        tag=TAG,
        handler=list_upcoming,
        access=Access.ADMIN,
        scope=Scope.BIRTHDAYS_READ,
        query=UpcomingQuery,
        replies=(_page(5, "2027-02-28"),),
    ),
)
