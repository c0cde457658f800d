"""Pages that explain the problems; the `type` of a problem document is the URL of its page."""

import asyncio
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from typing import TypeAlias

from starlette.responses import Response

from jubilee.domain.errors import DomainError
from jubilee.entrypoints.http.docs.files import StaticFile, docs_files
from jubilee.entrypoints.http.docs.remedies import remedy
from jubilee.entrypoints.http.docs.serving import serve
from jubilee.entrypoints.http.framework.endpoint import Call, Nothing
from jubilee.entrypoints.http.framework.problems import PROBLEMS, PathNotFound, status_of

HTML = "text/html"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Cache-Control": "no-cache",
}
PACKAGES = ("jubilee.domain.", "jubilee.entrypoints.http.")
CODE = re.compile("`([^`]+)`")

PlainCall: TypeAlias = Call[Nothing, Nothing]


@cache
def problem_kinds() -> dict[str, type[DomainError]]:
    """Return all error classes with a code of their own, sorted by code."""
    found = {
        kind.code: kind
        for kind in _subclasses(DomainError)
        if "code" in vars(kind) and kind.__module__.startswith(PACKAGES)
    }
    return dict(sorted(found.items()))


async def list_problems(call: PlainCall) -> Response:
    """GET /problems."""
    file = await asyncio.to_thread(_render_list, call.mount)
    return serve(file, call.request.headers, HEADERS)


async def show_problem(call: PlainCall) -> Response:
    """GET /problems/{code}."""
    code = call.request.path_params["code"]
    if code not in problem_kinds():
        raise PathNotFound
    file = await asyncio.to_thread(_render, call.mount, code)
    return serve(file, call.request.headers, HEADERS)


@cache
def _render_list(mount: str) -> StaticFile:
    rows = (_row(mount, kind) for kind in problem_kinds().values())
    page = docs_files().page("problems.html", mount, rows="\n".join(rows))
    return StaticFile.of(page.encode(), HTML)


@cache
def _render(mount: str, code: str) -> StaticFile:
    kind = problem_kinds()[code]
    status = status_of(kind)
    values = {
        "code": code,
        "status": f"{status.value} {status.phrase}",
        "meaning": _inline(kind.message()),
        "remedy": _inline(remedy(code, status)),
    }
    return StaticFile.of(docs_files().page("problem.html", mount, **values).encode(), HTML)


def _row(mount: str, kind: type[DomainError]) -> str:
    name = kind.code.replace("_", "_<wbr>")  # allows a line break on narrow screens
    link = f'<a href="{mount}{PROBLEMS}{kind.code}">{name}</a>'
    return f"<tr><td>{link}</td><td>{status_of(kind)}</td><td>{_inline(kind.message())}</td></tr>"


def _inline(text: str) -> str:
    return CODE.sub(r"<code>\1</code>", escape(text))


def _subclasses(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)
