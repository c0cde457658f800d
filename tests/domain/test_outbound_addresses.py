"""The addresses and hosts that outbound requests may reach."""

from ipaddress import ip_address, ip_network

import pytest

from jubilee.domain.outbound.address_policy import AllowedHost, OutboundRules, is_public
from jubilee.domain.outbound.request import read_request

URL = "https://hooks.example.com/in"

NO_HOSTS_ALLOWED = OutboundRules()


def rules(*hosts: str, networks: tuple[str, ...] = ()) -> OutboundRules:
    return OutboundRules(
        tuple(AllowedHost.parse(host) for host in hosts),
        tuple(ip_network(network) for network in networks),
    )


def may_reach(allowed: OutboundRules, url: str, address: str, *, by_admin: bool = False) -> bool:
    request = read_request({"url": url})
    allows = allowed.filter_for(request.host, request.port, by_admin=by_admin)
    return allows is not None and allows(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"],
)
def test_global_unicast_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254"),
        *("172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1"),
        *("192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "255.255.255.255"),
        *("100.100.100.200", "168.63.129.16", "240.0.0.1"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2002:7f00:1::"),
        *("2001::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1"),
        *("fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"),
        "2606:4700::1111%eth0",
    ],
)
def test_check_40_special_purpose_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not may_reach(NO_HOSTS_ALLOWED, URL, address, by_admin=True)


def test_without_allowed_hosts_only_admins_reach_public_addresses() -> None:
    assert may_reach(NO_HOSTS_ALLOWED, URL, "93.184.216.34", by_admin=True)
    assert not may_reach(NO_HOSTS_ALLOWED, URL, "93.184.216.34")
    assert NO_HOSTS_ALLOWED.filter_for("hooks.example.com", 443, by_admin=False) is None


@pytest.mark.parametrize(
    ("allowed", "url", "expected"),
    [
        ("hooks.example.com", "https://hooks.example.com/", True),
        ("Hooks.Example.com", "https://hooks.example.com:8443/", True),
        ("hooks.example.com", "https://a.hooks.example.com/", False),
        ("hooks.example.com:443", "https://hooks.example.com/", True),
        ("hooks.example.com:443", "http://hooks.example.com/", False),
        ("*.example.com", "https://a.hooks.example.com/", True),
        ("*.example.com", "https://example.com/", False),
        ("*.example.com", "https://evilexample.com/", False),
        ("*.example.com:8443", "https://hooks.example.com:8443/", True),
        ("*.example.com:8443", "https://hooks.example.com/", False),
        ("93.184.216.34", "http://93.184.216.34/", True),
    ],
)
def test_hosts_are_allowed_by_name(allowed: str, url: str, *, expected: bool) -> None:
    assert may_reach(rules(allowed), url, "93.184.216.34") is expected


@pytest.mark.parametrize("text", ["", "*", "*.", "a b", "https://a.example", "a.example:0", "[x]"])
def test_an_invalid_host_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        AllowedHost.parse(text)


def test_an_allowed_host_may_be_private_but_not_a_metadata_address() -> None:
    allowed = rules("hooks.example.com")
    for private in ("10.1.2.3", "127.0.0.1", "::1", "fd12::1", "::ffff:192.168.1.1"):
        assert may_reach(allowed, URL, private)
    for metadata in ("169.254.169.254", "fe80::1", "100.100.100.200", "fd00:ec2::254", "0.0.0.0"):
        assert not may_reach(allowed, URL, metadata)


def test_an_allowed_network_is_reachable_by_any_host_name() -> None:
    allowed = rules(networks=("10.1.0.0/16", "fd12::/32", "169.254.169.254/32"))
    for inside in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::9", "169.254.169.254"):
        assert may_reach(allowed, URL, inside)
    for outside in ("10.2.0.1", "93.184.216.34", "::1"):
        assert not may_reach(allowed, URL, outside)
