"""What is sent of a handler's response: all of it, compressed, or its headers alone."""

import asyncio
import re
import zlib
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from jubilee.entrypoints.http.framework.conditions import GZIP_SUFFIX, etag, hash_tag, is_known
from jubilee.entrypoints.http.framework.encodings import accepts_gzip
from jubilee.entrypoints.http.framework.endpoint import AnyEndpoint
from jubilee.observation.requests import RequestRecord

MIN_GZIP_BYTES = 1024  # less is not worth the client's time
MAX_INLINE_BYTES = 32 * 1024  # more is compressed in a thread: it takes over a millisecond
GZIP_LEVEL = 5
GZIP_WINDOW = 31  # zlib's number for gzip's format

OF_CONTENT = frozenset({b"content-type", b"content-length", b"content-encoding"})
RETURN = re.compile(
    r'(?:^|,)[ \t]*return[ \t]*=[ \t]*"?(minimal|representation)"?[ \t]*(?=[;,]|$)', re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Representation:
    """How the successful responses of an endpoint are sent.

    gzip is the only content coding: zlib comes with Python and releases the GIL, and every client
    knows it. The tag of a compressed response differs, as its bytes do; If-Match accepts either.
    """

    is_read: bool
    is_tagged: bool
    is_compressed: bool
    honours_prefer: bool

    @classmethod
    def of(cls, endpoint: AnyEndpoint) -> "Representation":
        """Derive it from the endpoint's data."""
        return cls(
            is_read=endpoint.method == "GET",
            is_tagged=endpoint.is_tagged,
            is_compressed=endpoint.compressed,
            honours_prefer=endpoint.honours_prefer,
        )

    async def choose(self, request: Request, record: RequestRecord, response: Response) -> Response:
        """Return the response that is sent; raises MalformedCondition."""
        if self.is_read:
            return await self._read(request, record, response)
        return preferred(request.headers, response) if self.honours_prefer else response

    async def _read(self, request: Request, record: RequestRecord, response: Response) -> Response:
        if response.status_code != HTTPStatus.OK:
            return response
        tag = next((text for name, text in response.raw_headers if name == b"etag"), b"").decode()
        if self.is_tagged and not tag:
            tag = etag(hash_tag(bytes(response.body)))
            response.raw_headers.append((b"etag", tag.encode()))
        gzip = False
        if self.is_compressed and len(response.body) >= MIN_GZIP_BYTES:
            response.headers.add_vary_header("Accept-Encoding")
            gzip = b"accept-encoding" in record.named and accepts_gzip(request.headers)
        if gzip and tag:
            tag = response.headers["ETag"] = f'{tag[:-1]}{GZIP_SUFFIX}"'
        if tag and b"if-none-match" in record.named and is_known(request.headers, tag.strip('"')):
            return _without_body(response, HTTPStatus.NOT_MODIFIED)
        return await _compressed(response) if gzip else response


def preferred(headers: Headers, response: Response) -> Response:
    """Apply `Prefer: return=minimal` or `return=representation` (RFC 7240) to a write."""
    response.headers.add_vary_header("Prefer")
    found = RETURN.search(",".join(headers.getlist("prefer")))
    if found is None:
        return response
    wish = found[1].lower()
    response.headers["Preference-Applied"] = f"return={wish}"
    return _minimal(response) if wish == "minimal" else response


def _minimal(response: Response) -> Response:
    """The response without its body: a 200 becomes a 204."""
    status = response.status_code
    return _without_body(response, HTTPStatus.NO_CONTENT if status == HTTPStatus.OK else status)


def _without_body(response: Response, status: int) -> Response:
    bare = Response(status_code=status)
    bare.raw_headers += [pair for pair in response.raw_headers if pair[0] not in OF_CONTENT]
    return bare


async def _compressed(response: Response) -> Response:
    body = bytes(response.body)
    large = len(body) > MAX_INLINE_BYTES
    response.body = await asyncio.to_thread(_gzip, body) if large else _gzip(body)
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Length"] = str(len(response.body))
    return response


def _gzip(body: bytes) -> bytes:
    return zlib.compress(body, GZIP_LEVEL, GZIP_WINDOW)
