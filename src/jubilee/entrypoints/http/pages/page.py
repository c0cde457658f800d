"""How a page is made: `templates/<name>.html` in the language of the browser.

A page is two endpoints at one path: GET shows the form and changes nothing, as mail programs and
their scanners open every link; POST does what the form says. `form_page` makes both. Templates
extend `page.html`, escape every value, and have their texts in `{% trans %}`, with the German in
`languages/de.po`. A page has no script, and its policy allows none; one that needs a script passes
its own `policy` to `render`.
"""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pydantic import Field
from starlette.responses import HTMLResponse, Response

from jubilee.domain.errors import DomainError
from jubilee.domain.one_time.link import InvalidLink
from jubilee.domain.rate_limits.quotas import RouteClass
from jubilee.entrypoints.http.framework.endpoint import (
    FORM,
    Access,
    AnyEndpoint,
    Call,
    Endpoint,
    Model,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.problems import status_of
from jubilee.languages.catalogs import DEFAULT_LANGUAGE, messages, preferred_language

TAG = "pages"
HTML = "text/html"
MAX_FIELD_CHARS = 1_000
STYLE = Path(__file__).with_name("page.css").read_text("utf-8")
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)

PageCall: TypeAlias = Call[Any, Any]
Submit: TypeAlias = Callable[[PageCall], Awaitable[str | Response]]
"""Does what the form says; returns the name of the page that says so, or a file."""


class LinkQuery(Model):
    """The token of the link that was opened."""

    token: str = Field("", max_length=MAX_FIELD_CHARS)


async def render(
    call: PageCall, name: str, *, status: int = 200, policy: str = POLICY, **values: object
) -> Response:
    """Respond with a page; `values` are those of its template, and are escaped."""
    accepted = call.request.headers.get("accept-language", "")
    language = preferred_language(accepted) or DEFAULT_LANGUAGE
    environment = await asyncio.to_thread(_environment, language)
    template = await asyncio.to_thread(environment.get_template, f"{name}.html")
    body = template.render(language=language, mount=call.mount, **{"error": "", **values})
    headers = {
        "Content-Security-Policy": policy,
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    return HTMLResponse(body, status, headers)


def form_page(
    path: str, name: str, submit: Submit, fields: type[Model], *, one_click: bool = False
) -> tuple[AnyEndpoint, AnyEndpoint]:
    """Return the endpoints of a form: `templates/<name>.html` shows it, also with an error.

    The template gets `token` and, after a refusal, `error`, the code of the problem. Every field
    has a default: what is missing is refused by the use case, on the page. With `one_click`, the
    form also takes its token from the query, where mail programs leave it (RFC 8058).
    """

    async def show(call: PageCall) -> Response:
        return await render(call, name, token=call.query.token)

    async def act(call: PageCall) -> Response:
        try:
            done = await submit(call)
        except DomainError as error:
            # A link that is no more valid is of no use, but its page also takes a code.
            kept = "" if isinstance(error, InvalidLink) else getattr(call.body, "token", "")
            status = status_of(type(error))
            page = await render(call, name, status=status, token=kept, error=error.code)
            page.headers.update(_retry_after(error))
            return page
        return done if isinstance(done, Response) else await render(call, done)

    shown = ResponseSpec(status=200, description="The page.", media=HTML)
    common: Mapping[str, Any] = {
        "path": path,
        "summary": "A page that mails link to",
        "tag": TAG,
        "access": Access.ANYONE,
        "replies": (shown,),
        "documented": False,
    }
    return (
        Endpoint(
            method="GET",
            name=f"{name}Page",
            handler=show,
            query=LinkQuery,
            needs_database=False,
            **common,
        ),
        Endpoint(
            method="POST",
            name=f"{name}Form",
            handler=act,
            body=fields,
            query=LinkQuery if one_click else None,
            media=(FORM,),
            rate=RouteClass.SIGN_IN,
            **common,
        ),
    )


def _retry_after(error: DomainError) -> Mapping[str, str]:
    seconds = getattr(error, "retry_after_s", None)
    return {} if seconds is None else {"Retry-After": str(seconds)}


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("jubilee.entrypoints.http.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["ext.i18n.trimmed"] = True
    catalog = messages(language)
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        catalog.gettext, catalog.ngettext, newstyle=True
    )
    environment.globals["style"] = Markup(STYLE)  # noqa: S704  # a file of this package
    return environment
