"""Responses of files that are compressed once."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response

from jubilee.entrypoints.http.docs.files import StaticFile
from jubilee.entrypoints.http.framework.conditions import etag
from jubilee.entrypoints.http.framework.encodings import accepts_gzip


def serve(file: StaticFile, requested: Headers, headers: Mapping[str, str]) -> Response:
    """Respond with the file, compressed if the client accepts that; each form has its own tag."""
    response = Response(file.body, headers=headers, media_type=file.media)
    if file.gzipped is not None:
        response.headers.add_vary_header("Accept-Encoding")
        if accepts_gzip(requested):
            file = file.gzipped
            response.body = file.body
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(file.body))
    response.headers["ETag"] = etag(file.tag)
    return response
