"""How a page is made: `templates/<name>.html` in the language of the browser.

Templates extend `page.html`, escape every value, and have their texts in `{% trans %}`, with the
German in `languages/de.po`. A page has no script, and its policy allows none; one that needs a
script passes its own `policy` to `render`.
"""

import asyncio
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from jubilee.entrypoints.http.framework.endpoint import Call
from jubilee.languages.catalogs import DEFAULT_LANGUAGE, messages, preferred_language

STYLE = Path(__file__).with_name("page.css").read_text("utf-8")
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)

PageCall: TypeAlias = Call[Any, Any]


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
