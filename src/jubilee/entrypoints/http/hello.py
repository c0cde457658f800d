"""Hello App: a birthday is saved under a name, and the name is greeted."""

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from jubilee.domain.birthdays import (
    Birth,
    BirthdayNotFound,
    InvalidName,
    TooManyNames,
)
from jubilee.domain.calendar import NotBornYet, UnknownTimeZone
from jubilee.domain.concurrency import VersionCheck
from jubilee.domain.errors import NotAllowed
from jubilee.entrypoints.http.fields import CalendarDate, ZoneName
from jubilee.entrypoints.http.framework.conditions import UNTAGGED, MalformedCondition, precondition
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Model,
    Nothing,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.responses import no_content, ok

TAG = "hello"
PATH = "/hello/{username}"


class BirthBody(Model):
    """When somebody was born."""

    born: CalendarDate = Field(
        alias="dateOfBirth", description="a day before today", examples=["1990-02-28"]
    )
    time_zone: ZoneName | None = Field(
        None, alias="timeZone", description="whose calendar says what today is for this person"
    )


class Greeting(BaseModel):
    """What is said to somebody."""

    message: str


async def save(call: Call[BirthBody, Nothing]) -> Response:
    """PUT /hello/{username}."""
    birth = Birth(call.body.born, call.body.time_zone)
    await call.services.birthdays.save(
        call.name, birth, by=call.caller, expects=_expects(call.request)
    )
    return no_content()


async def greet(call: Call[Nothing, Nothing]) -> Response:
    """GET /hello/{username}."""
    return ok(Greeting(message=await call.services.birthdays.greet(call.name)))


async def forget(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /hello/{username}."""
    await call.services.birthdays.remove(
        call.name, by=call.principal, expects=_expects(call.request)
    )
    return no_content()


def _expects(request: Request) -> VersionCheck[Birth | None] | None:
    """A message has no tag, for it changes with the day: `*` alone can be asked for."""
    return precondition(request.headers, lambda _: UNTAGGED)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="PUT",
        path=PATH,
        name="saveBirthday",
        summary="Save a birthday under a name, or replace it",
        tag=TAG,
        handler=save,
        access=Access.OPTIONAL,
        body=BirthBody,
        example={"dateOfBirth": "1990-02-28", "timeZone": "Europe/Vienna"},
        replies=(ResponseSpec(status=204, description="It is saved."),),
        errors=(
            *(InvalidName, NotBornYet, UnknownTimeZone),
            *(NotAllowed, TooManyNames, MalformedCondition),
        ),
        conditional=True,
    ),
    Endpoint(
        method="GET",
        path=PATH,
        name="greet",
        summary="The message for somebody's birthday, or how far away it is",
        tag=TAG,
        handler=greet,
        access=Access.ANYONE,
        replies=(
            ResponseSpec(
                status=200,
                description="The message; the name is written as in the path.",
                model=Greeting,
                example={"message": "Hello, Zoë! Your birthday is in 5 day(s)"},
            ),
        ),
        errors=(InvalidName, BirthdayNotFound),
    ),
    Endpoint(
        method="DELETE",
        path=PATH,
        name="forgetBirthday",
        summary="Forget the birthday of one's own name; for admins, of any",
        tag=TAG,
        handler=forget,
        access=Access.SIGNED_IN,
        replies=(ResponseSpec(status=204, description="It is forgotten."),),
        errors=(InvalidName, NotAllowed, BirthdayNotFound, MalformedCondition),
        conditional=True,
    ),
)
