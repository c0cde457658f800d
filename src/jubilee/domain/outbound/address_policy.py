"""Which addresses outbound requests may connect to; checked on resolved addresses, not on names.

- Addresses in an allowed network: all accounts, for any host name.
- Hosts allowed by name: all accounts, at public addresses and at private unicast addresses (10/8,
  127/8, fc00::/7 and similar): the operator trusts their DNS. Never at link-local, multicast or
  metadata addresses, which need an allowed network.
- Other public addresses: admins.

An IPv4 address inside an IPv6 one (mapped, NAT64) counts as the IPv4 address.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from jubilee.domain.ip_addresses import Address, Network, unmapped
from jubilee.domain.outbound.request import MAX_PORT

AddressFilter: TypeAlias = Callable[[Address], bool]
"""Returns whether a connection to the address is allowed."""

UNICAST = IPv6Network("2000::/3")  # the allocated part of IPv6
NOT_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.52.193.0/24", "192.88.99.0/24"),
        *("192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",  # Azure's platform services, at a public address
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),  # tunnels, documentation
    )
)
PRIVATE: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        *("::1/128", "fc00::/7"),
    )
)
METADATA = frozenset(
    ip_address(address) for address in ("100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
WRITTEN_HOST = re.compile(r"(\*\.)?([a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")


def is_public(address: Address) -> bool:
    """Return whether the address is public and globally reachable."""
    address = unmapped(address)
    if isinstance(address, IPv6Address) and (address not in UNICAST or address.scope_id):
        return False
    return not _is_in(address, NOT_PUBLIC)


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """A host allowed by name: `example.com` or `*.example.com`, with or without port."""

    name: str
    subdomains: bool
    port: int | None

    @classmethod
    def parse(cls, text: str) -> "AllowedHost":
        """Parse `host`, `*.host`, `host:port` or `*.host:port`; raise ValueError."""
        found = WRITTEN_HOST.fullmatch(text.strip().lower())
        if found is None:
            raise ValueError("a host is written host, *.host, host:port or *.host:port")
        star, name, port = found.groups()
        if port is not None and not 0 < int(port) <= MAX_PORT:
            raise ValueError("a port is a number from 1 to 65535")
        return cls(_canonical(name), star is not None, None if port is None else int(port))

    def matches(self, host: str, port: int) -> bool:
        """Match a host in lower case, without brackets or final dot, and its port."""
        if self.port not in {None, port}:
            return False
        return host.endswith(f".{self.name}") if self.subdomains else host == self.name


@dataclass(frozen=True, slots=True)
class OutboundRules:
    """Hosts and networks that the operator allows."""

    hosts: tuple[AllowedHost, ...] = ()
    networks: tuple[Network, ...] = ()

    def filter_for(self, host: str, port: int, *, by_admin: bool) -> AddressFilter | None:
        """Return a filter of the host's addresses; None if none is allowed: do not resolve it."""
        named = any(allowed.matches(host, port) for allowed in self.hosts)
        if not (named or by_admin or self.networks):
            return None

        def allows(address: Address) -> bool:
            if _is_in(unmapped(address), self.networks):
                return True
            return (named and _is_unicast_host(unmapped(address))) or (
                by_admin and is_public(address)
            )

        return allows


def _is_unicast_host(address: Address) -> bool:
    return address not in METADATA and (is_public(address) or _is_in(address, PRIVATE))


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _canonical(name: str) -> str:
    if name.startswith("["):
        return str(IPv6Address(name[1:-1]))
    return name.removesuffix(".")
