"""A page with a form: two endpoints at one path.

GET shows the form and changes nothing, as mail programs and their scanners open every link; POST
does what the form says.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import Field
from starlette.responses import Response

from jubilee.domain.errors import DomainError
from jubilee.domain.invites.invite import InvalidInvite
from jubilee.domain.one_time.link import InvalidLink
from jubilee.domain.rate_limits.quotas import RouteClass
from jubilee.entrypoints.http.framework.endpoint import (
    FORM,
    Access,
    AnyEndpoint,
    Endpoint,
    Model,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.problems import status_of
from jubilee.entrypoints.http.pages.rendering import PageCall, render

TAG = "pages"
HTML = "text/html"
MAX_FIELD_CHARS = 1_000

Submit: TypeAlias = Callable[[PageCall], Awaitable[str | Response]]
"""Does what the form says; returns the name of the page that says so, or a response."""


class LinkQuery(Model):
    """The token of the link that was opened."""

    token: str = Field("", max_length=MAX_FIELD_CHARS)


@dataclass(frozen=True, slots=True)
class FormPage:
    """The form of `templates/<name>.html`, which gets `token` and, after a refusal, `error`.

    `error` is the code of the problem. Every field of `fields` has a default: what is missing is
    refused by the use case, on the page. With `one_click`, the form also takes its token from the
    query, where mail programs leave it (RFC 8058).
    """

    path: str
    name: str
    submit: Submit
    fields: type[Model]
    one_click: bool = False

    @property
    def endpoints(self) -> tuple[AnyEndpoint, AnyEndpoint]:
        """GET and POST of the page."""
        return self._shown(), self._sent()

    async def show(self, call: PageCall) -> Response:
        """Respond with the form."""
        return await render(call, self.name, token=call.query.token)

    async def send(self, call: PageCall) -> Response:
        """Do what the form says, or respond with the form and why not."""
        try:
            done = await self.submit(call)
        except DomainError as error:
            return await self._refuse(call, error)
        return done if isinstance(done, Response) else await render(call, done)

    async def _refuse(self, call: PageCall, error: DomainError) -> Response:
        # A link that is no more valid is of no use, but its page also takes a code.
        is_over = isinstance(error, InvalidLink | InvalidInvite)
        kept = "" if is_over else getattr(call.body, "token", "")
        status = status_of(type(error))
        page = await render(call, self.name, status=status, token=kept, error=error.code)
        seconds = getattr(error, "retry_after_s", None)
        if seconds is not None:
            page.headers["Retry-After"] = str(seconds)
        return page

    def _shown(self) -> AnyEndpoint:
        return Endpoint(
            method="GET",
            name=f"{self.name}Page",
            handler=self.show,
            query=LinkQuery,
            needs_database=False,
            **self._common(),
        )

    def _sent(self) -> AnyEndpoint:
        return Endpoint(
            method="POST",
            name=f"{self.name}Form",
            handler=self.send,
            body=self.fields,
            query=LinkQuery if self.one_click else None,
            media=(FORM,),
            rate=RouteClass.SIGN_IN,
            **self._common(),
        )

    def _common(self) -> Mapping[str, Any]:
        return {
            "path": self.path,
            "summary": "A page that mails link to",
            "tag": TAG,
            "access": Access.ANYONE,
            "replies": (ResponseSpec(status=200, description="The page.", media=HTML),),
            "documented": False,
        }
