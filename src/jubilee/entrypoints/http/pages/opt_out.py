"""The page that turns greetings off, and what mail programs do with one click (RFC 8058)."""

from pydantic import Field

from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint, Call, Model
from jubilee.entrypoints.http.pages.page import MAX_FIELD_CHARS, FormPage, LinkQuery


class OptOutForm(Model):
    """The token of the link."""

    token: str = Field("", max_length=MAX_FIELD_CHARS)


async def unsubscribe(call: Call[OptOutForm, LinkQuery]) -> str:
    """POST /account/unsubscribe."""
    await call.services.opt_out.stop(call.body.token or call.query.token)
    return "unsubscribed"


ENDPOINTS: tuple[AnyEndpoint, ...] = FormPage(
    "/account/unsubscribe", "unsubscribe", unsubscribe, OptOutForm, one_click=True
).endpoints
