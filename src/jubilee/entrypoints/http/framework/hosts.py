"""The host names under which the API is called."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from jubilee.domain.outbound.address_policy import AllowedHost

HEALTH = "/health"
CACHED_HOSTS = 256
MAX_HOST_BYTES = 300  # a name has at most 253, and there may be a port
HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([0-9]{1,5}))?")


def is_health(path: str) -> bool:
    """Return whether a path below the mount is a health check: orchestrators call by address."""
    return path == HEALTH or path.startswith(HEALTH + "/")


class TrustedHosts:
    """Accepts requests with a known Host, and health checks with any.

    No answer is made from the Host: this check keeps pages of other names, resolved to this
    service (DNS rebinding), from calling it.
    """

    def __init__(self, hosts: Iterable[AllowedHost]) -> None:
        """Without hosts, any is accepted."""
        self._hosts = tuple(hosts)
        self._accepts = lru_cache(CACHED_HOSTS)(self._is_known)

    def may_pass(self, named: Mapping[bytes, bytes], path: str) -> bool:
        """Return whether a request with these headers may be answered; `path` is without mount."""
        if not self._hosts:
            return True
        host = named.get(b"host", b"")
        return (len(host) <= MAX_HOST_BYTES and self._accepts(host)) or is_health(path)

    def _is_known(self, header: bytes) -> bool:
        found = HOST.fullmatch(header.decode("latin-1").lower())
        if found is None:
            return False
        name, port = found[1] or found[2].removesuffix("."), int(found[3] or 0)
        return any(host.matches(name, port) for host in self._hosts)
