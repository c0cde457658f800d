"""Endpoints of the Hello App: save a birthday under a name, and greet the name."""

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from jubilee.domain.birthday import Birth, BirthdayNotFound, InvalidName, TooManyNames
from jubilee.domain.calendar import NotBornYet, UnknownTimeZone
from jubilee.domain.concurrency import VersionCheck
from jubilee.domain.errors import NotAllowed
from jubilee.domain.scopes import Scope
from jubilee.entrypoints.http.fields import CalendarDate, ZoneName
from jubilee.entrypoints.http.framework.conditions import UNTAGGED, MalformedCondition, precondition
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
from jubilee.entrypoints.http.framework.responses import current_or_known, no_content, ok

TAG = "hello"
PATH = "/hello/{username}"


class BirthBody(Model):
    """A date of birth."""

    born: CalendarDate = Field(
        alias="dateOfBirth", description="a day before today", examples=["1990-02-28"]
    )
    time_zone: ZoneName | None = Field(
        None, alias="timeZone", description="time zone that determines this person's date"
    )

    def to_domain(self) -> Birth:
        """Return the birth for the birthday service."""
        return Birth(self.born, self.time_zone)


class Greeting(ReplyModel):
    """A greeting."""

    message: str


async def save(call: Call[BirthBody, Nothing]) -> Response:
    """PUT /hello/{username}."""
    birth, expects = call.body.to_domain(), _expects(call.request)
    await call.services.birthdays.save(call.username, birth, by=call.caller, expects=expects)
    return no_content()


async def greet(call: Call[Nothing, Nothing]) -> Response:
    """GET /hello/{username}."""
    return ok(Greeting(message=await call.services.birthdays.greet(call.username)))


async def delete(call: Call[Nothing, Nothing]) -> Response:
    """DELETE /hello/{username}."""
    expects = _expects(call.request)
    await call.services.birthdays.remove(call.username, by=call.principal, expects=expects)
    return no_content()


def _expects(request: Request) -> VersionCheck[Birth | None] | None:
    """Return the precondition on a birthday: only `*`, as a birthday has no ETag."""
    return precondition(request.headers, lambda _: UNTAGGED)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="PUT",
        path=PATH,
        name="saveBirthday",
        summary="Save or replace the birthday of a name",
        tag=TAG,
        handler=save,
        access=Access.OPTIONAL,
        scope=Scope.BIRTHDAYS_WRITE,
        body=BirthBody,
        example={"dateOfBirth": "1990-02-28", "timeZone": "Europe/Vienna"},
        replies=(ResponseSpec(status=204, description="The birthday is saved."),),
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
        summary="Greet a name, with the days until its birthday",
        tag=TAG,
        handler=greet,
        access=Access.ANYONE,
        replies=current_or_known(
            ResponseSpec(
                status=200,
                description="The message, with the name as it is in the path.",
                model=Greeting,
                headers={"ETag": "version of the message, for `If-None-Match`"},
                example={"message": "Hello, Zoë! Your birthday is in 5 day(s)"},
            )
        ),
        errors=(InvalidName, BirthdayNotFound),
    ),
    Endpoint(
        method="DELETE",
        path=PATH,
        name="forgetBirthday",
        summary="Delete the birthday of one's own name; as an admin, of any name",
        tag=TAG,
        handler=delete,
        access=Access.SIGNED_IN,
        scope=Scope.BIRTHDAYS_WRITE,
        replies=(ResponseSpec(status=204, description="The birthday is deleted."),),
        errors=(InvalidName, NotAllowed, BirthdayNotFound, MalformedCondition),
        conditional=True,
    ),
)
