"""The client's address: that of the peer, or the one that a trusted proxy has forwarded."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from jubilee.domain.ip_addresses import Address, Network, parse_address
from jubilee.observation.requests import Headers

MAX_HOPS = 20
MAX_FORWARDED_CHARS = 4096  # of all lines of `Forwarded` together
CACHED_ADDRESSES = 4096
MAX_CACHED_BYTES = 200  # of both headers: longer ones are parsed at every request

PORT = "(?::[0-9]{1,5})?"
NODE = re.compile(
    rf"\[([0-9A-Fa-f:.]{{2,45}})\]{PORT}|([0-9.]{{7,15}}){PORT}|([0-9A-Fa-f:.]{{2,45}})"
)
PAIR = re.compile(r'[ \t]*+([a-z-]+)=(?:"([^"\\]*+)"|([^\s",;]*+))[ \t]*+(;|,|\Z)', re.IGNORECASE)
MALFORMED = ("",)


class TrustedProxies:
    """Finds the right-most forwarded address that is not a trusted proxy's.

    `X-Forwarded-For` and `Forwarded` (RFC 7239) count only from a trusted peer. Where they are
    malformed or contradict each other the peer's address counts: a client can write the header that
    its proxy does not overwrite.
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self._trusts = lru_cache(CACHED_ADDRESSES)(self._is_trusted)
        self._find_cached = lru_cache(CACHED_ADDRESSES)(self._find)

    def client_of(self, peer: str, headers: Headers) -> str:
        """Return the client's address; a `peer` without one (a Unix socket) is not trusted."""
        if not self._trusts(peer):
            return peer
        listed = b",".join([value for name, value in headers if name == b"x-forwarded-for"])
        paired = b",".join([value for name, value in headers if name == b"forwarded"])
        is_short = len(listed) + len(paired) <= MAX_CACHED_BYTES
        return (self._find_cached if is_short else self._find)(peer, listed, paired)

    def _find(self, peer: str, listed: bytes, paired: bytes) -> str:
        found = set()
        if listed:
            found.add(self._nearest(peer, _listed(listed)))
        if paired:
            found.add(self._nearest(peer, _paired(paired)))
        return found.pop() if len(found) == 1 else peer

    def _nearest(self, peer: str, nodes: Sequence[str]) -> str:
        """Return the right-most untrusted node, or else the left-most; `peer` if malformed."""
        found = peer
        for node in reversed(nodes):
            address = _address(node)
            if address is None:
                return peer
            found = str(address)
            if not self._trusts(found):
                return found
        return found if len(nodes) <= MAX_HOPS else peer

    def _is_trusted(self, text: str) -> bool:
        address = parse_address(text)
        return address is not None and any(address in network for network in self._networks)


def _address(node: str) -> Address | None:
    """The address of a node, which may have a port; None for `unknown` and other names."""
    found = NODE.fullmatch(node)
    return parse_address(found[found.lastindex or 0]) if found else None


def _listed(header: bytes) -> Sequence[str]:
    """The last nodes of X-Forwarded-For, one more than MAX_HOPS."""
    nodes = header.decode("latin-1").rsplit(",", MAX_HOPS + 1)[-MAX_HOPS - 1 :]
    return [node.strip(" \t") for node in nodes]


def _paired(header: bytes) -> Sequence[str]:
    """The nodes of Forwarded: the `for` of each element."""
    text = header.decode("latin-1")
    if len(text) > MAX_FORWARDED_CHARS:
        return MALFORMED
    nodes, node, position = list[str](), "", 0
    while position < len(text):
        pair = PAIR.match(text, position)
        if pair is None:
            return MALFORMED
        name, quoted, token, end = pair.groups()
        if name.lower() == "for":
            node = quoted or token or ""
        if end != ";":
            nodes.append(node)
            node = ""
        position = pair.end()
    return nodes
