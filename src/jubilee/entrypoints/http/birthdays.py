"""Who celebrates, for admins."""

from datetime import date
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from jubilee.domain.birthdays import Celebration
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.paging import PageQuery, PageReply, page_of, paged, position

TAG = "birthdays"


class UpcomingQuery(PageQuery):
    """How far to look ahead."""

    days: int = Field(30, ge=1, le=366, description="1 is tomorrow alone; today is never in it")


class CelebrationReply(BaseModel):
    """Somebody's birthday."""

    model_config = ConfigDict(from_attributes=True)

    name: str | None = Field(description="null for an account without a username")
    user_id: UUID | None = Field(description="the account; null where a stranger saved the name")
    day: date = Field(serialization_alias="date", description="the day that is celebrated")
    days: int = Field(description="how far it is away, by this person's own calendar")
    turning: int = Field(description="the age that is reached")

    @classmethod
    def of(cls, celebration: Celebration) -> Self:
        """The entity's members, but for the date of birth and the row's id."""
        return cls.model_validate(celebration)


class CelebrationPage(PageReply):
    """One page of birthdays."""

    items: list[CelebrationReply]


async def list_today(call: Call[Nothing, PageQuery]) -> Response:
    """GET /birthdays/today."""
    page = await call.services.birthdays.today(after=position(call), limit=call.query.limit)
    return paged(call, CelebrationPage, page, CelebrationReply.of)


async def list_upcoming(call: Call[Nothing, UpcomingQuery]) -> Response:
    """GET /birthdays/upcoming."""
    query = call.query
    page = await call.services.birthdays.upcoming(
        query.days, after=position(call), limit=query.limit
    )
    return paged(call, CelebrationPage, page, CelebrationReply.of)


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
        summary="Who celebrates today, each by their own calendar",
        tag=TAG,
        handler=list_today,
        access=Access.ADMIN,
        query=PageQuery,
        replies=(_page(0, "2027-02-28"),),
    ),
    Endpoint(
        method="GET",
        path="/birthdays/upcoming",
        name="listUpcomingBirthdays",
        summary="Who celebrates in the days after today, the nearest first",
        tag=TAG,
        handler=list_upcoming,
        access=Access.ADMIN,
        query=UpcomingQuery,
        replies=(_page(5, "2027-02-28"),),
    ),
)
