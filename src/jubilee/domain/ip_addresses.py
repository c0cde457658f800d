"""IP addresses, and the key under which limits count a client."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

NAT64 = IPv6Network("64:ff9b::/96")
IPV6_PREFIX_BITS = 64  # a provider gives each customer at least such a network
NO_ADDRESS = "none"


def unmapped(address: Address) -> Address:
    """Return the IPv4 address inside a mapped or NAT64 address, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def parse_address(text: str) -> Address | None:
    """Parse an address, and take the IPv4 address out of an IPv6 one; None if it is malformed."""
    try:
        return unmapped(ip_address(text))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def address_key(text: str | None) -> str:
    """Return the key of a client's limits: its IPv4 address, or the /64 network of its IPv6 one.

    All clients without an address, such as those on a Unix socket, share NO_ADDRESS.
    """
    address = parse_address(text or "")
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), IPV6_PREFIX_BITS), strict=False))
    return NO_ADDRESS if address is None else str(address)
