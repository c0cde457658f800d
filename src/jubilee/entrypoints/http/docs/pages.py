"""Endpoints of the documentation: the OpenAPI document, Swagger UI and ReDoc.

The pages have no inline scripts and load nothing from other hosts; they work at every mount.
"""

import asyncio
import json
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

from pydantic import ConfigDict
from starlette.responses import Response

from jubilee.entrypoints.http.docs.files import StaticFile, docs_files
from jubilee.entrypoints.http.docs.openapi import document
from jubilee.entrypoints.http.docs.problem_pages import (
    HTML,
    PlainCall,
    list_problems,
    show_problem,
)
from jubilee.entrypoints.http.docs.serving import serve
from jubilee.entrypoints.http.docs.yaml_text import yaml_text
from jubilee.entrypoints.http.framework.endpoint import (
    Access,
    AnyEndpoint,
    Endpoint,
    Handler,
    Nothing,
    ReplyModel,
    ResponseSpec,
)
from jubilee.entrypoints.http.framework.negotiation import preferred_media
from jubilee.entrypoints.http.framework.responses import current_or_known

TAG = "meta"
YAML = "application/yaml"
ASSET = "/docs/assets/{release}/{name}"
CACHE_FOREVER = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
CSP = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
)
SWAGGER_CSP = CSP + "style-src 'self'"
# The hash of the empty string: ReDoc creates empty style elements and fills them by script.
REDOC_CSP = (
    CSP + "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; font-src data:"
)

PlainHandler: TypeAlias = Handler[Nothing, Nothing]


class OpenApi(ReplyModel):
    """An OpenAPI document."""

    model_config = ConfigDict(extra="allow")

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]


def endpoints(described: Sequence[AnyEndpoint]) -> tuple[AnyEndpoint, ...]:
    """Return the endpoints of the pages, their files, and the document, which describes itself."""

    async def serve_document(call: PlainCall) -> Response:
        """GET /openapi.json."""
        media = preferred_media(call.request.headers, openapi.offered)
        file = await asyncio.to_thread(render, call.context.public.url, media)
        return serve(file, call.request.headers, {"Cache-Control": REVALIDATE, "Vary": "Accept"})

    openapi = _document_endpoint(serve_document)

    @cache
    def render(public_url: str, media: str) -> StaticFile:
        whole = document((*described, openapi), public_url=public_url)
        text = yaml_text(whole) if media == YAML else json.dumps(whole, ensure_ascii=False)
        return StaticFile.of(text.encode(), media)

    return (openapi, *PAGES)


async def swagger(call: PlainCall) -> Response:
    """GET /docs and /swagger."""
    return await _page(call, "swagger.html", SWAGGER_CSP)


async def redoc(call: PlainCall) -> Response:
    """GET /redoc."""
    return await _page(call, "redoc.html", REDOC_CSP)


async def asset(call: PlainCall) -> Response:
    """GET /docs/assets/{release}/{name}."""
    file = (await asyncio.to_thread(docs_files)).get(**call.request.path_params)
    return serve(file, call.request.headers, {"Cache-Control": CACHE_FOREVER})


async def _page(call: PlainCall, name: str, policy: str) -> Response:
    file = await asyncio.to_thread(_render, name, call.mount)
    headers = {"Content-Security-Policy": policy, "Cache-Control": REVALIDATE}
    return serve(file, call.request.headers, headers)


@cache
def _render(name: str, mount: str) -> StaticFile:
    return StaticFile.of(docs_files().page(name, mount).encode(), HTML)


def _document_endpoint(handler: PlainHandler) -> AnyEndpoint:
    tagged = {"ETag": "version of the document, for `If-None-Match`"}
    return Endpoint(
        method="GET",
        path="/openapi.json",
        name="getOpenApi",
        summary="Get the OpenAPI document",
        tag=TAG,
        handler=handler,
        access=Access.ANYONE,
        replies=current_or_known(
            ResponseSpec(
                status=200,
                description="The document.",
                model=OpenApi,
                other_media=(YAML,),
                headers=tagged,
            )
        ),
        compressed=False,
        needs_database=False,
    )


def _page_endpoint(path: str, name: str, summary: str, handler: PlainHandler) -> AnyEndpoint:
    return Endpoint(
        method="GET",
        path=path,
        name=name,
        summary=summary,
        tag=TAG,
        handler=handler,
        access=Access.ANYONE,
        replies=current_or_known(ResponseSpec(status=200, description=summary, media=HTML)),
        compressed=False,
        needs_database=False,
        documented=False,
    )


PAGES = (
    _page_endpoint("/docs", "docs", "Swagger UI", swagger),
    _page_endpoint("/swagger", "swagger", "Swagger UI", swagger),
    _page_endpoint("/redoc", "redoc", "ReDoc", redoc),
    _page_endpoint("/problems", "problems", "All problems", list_problems),
    _page_endpoint("/problems/{code}", "problem", "What a problem means", show_problem),
    _page_endpoint(ASSET, "docsAsset", "A file of these pages", asset),
)
