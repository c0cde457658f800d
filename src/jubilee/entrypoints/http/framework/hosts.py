"""The host names under which the API is called."""

import re
from collections.abc import Iterable
from functools import lru_cache

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from jubilee.domain.outbound.address_policy import AllowedHost
from jubilee.entrypoints.http.framework.problems import UnknownHost
from jubilee.entrypoints.http.framework.resource import refuse

HEALTH = "/health"
CACHED_HOSTS = 256
MAX_HOST_BYTES = 300  # a name has at most 253, and there may be a port
HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([0-9]{1,5}))?")


def is_health(path: str) -> bool:
    """Return whether a path below the mount is a health check: orchestrators call by address."""
    return path == HEALTH or path.startswith(HEALTH + "/")


class TrustedHosts:
    """Refuses requests with an unknown Host (421), except for health checks.

    No answer is made from the Host: this check keeps pages of other names, resolved to this
    service (DNS rebinding), from calling it.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[AllowedHost]) -> None:
        self._app = app
        self._hosts = tuple(hosts)
        self._accepts = lru_cache(CACHED_HOSTS)(self._is_known)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not self._may_pass(scope):
            await refuse(UnknownHost(), Request(scope, receive))(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        host = dict(scope["headers"]).get(b"host", b"")
        is_known = len(host) <= MAX_HOST_BYTES and self._accepts(host)
        return is_known or is_health(scope["path"].removeprefix(scope["root_path"]))

    def _is_known(self, header: bytes) -> bool:
        found = HOST.fullmatch(header.decode("latin-1").lower())
        if found is None:
            return False
        name, port = found[1] or found[2].removesuffix("."), int(found[3] or 0)
        return any(host.matches(name, port) for host in self._hosts)
