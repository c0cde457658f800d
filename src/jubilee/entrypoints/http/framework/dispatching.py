"""Finding the resource that answers a request."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from jubilee.entrypoints.http.framework.hosts import TrustedHosts
from jubilee.entrypoints.http.framework.problems import PathNotFound, TargetTooLong, UnknownHost
from jubilee.entrypoints.http.framework.resource import Resource, refuse
from jubilee.entrypoints.http.framework.routes import RouteTable
from jubilee.observation.requests import RequestRecord

MAX_TARGET_BYTES = 8_192  # of path and query together


class Dispatcher:
    """Lets the resource of the path answer, unless the request is refused before."""

    def __init__(self, resources: Iterable[tuple[str, Resource]], hosts: TrustedHosts) -> None:
        """`resources` are named by the templates of their paths."""
        self._routes = RouteTable(resources)
        self._hosts = hosts

    async def respond(self, request: Request, record: RequestRecord) -> Response:
        """Answer one request."""
        scope = request.scope
        path: str = scope["path"]
        if root := scope["root_path"]:
            path = path[len(root) :] or "/"
        if not self._hosts.may_pass(record.named, path):
            return refuse(UnknownHost(), request)
        if len(scope["path"]) + len(scope["query_string"]) > MAX_TARGET_BYTES:
            return refuse(TargetTooLong(), request)
        found = self._routes.find(path)
        if found is None:
            return refuse(PathNotFound(), request)
        resource, scope["path_params"] = found
        return await resource.respond(request, record)
