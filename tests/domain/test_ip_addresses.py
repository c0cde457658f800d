"""The keys under which limits count clients."""

import pytest

from jubilee.domain.ip_addresses import NO_ADDRESS, address_key


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_limits_count_an_ipv4_address_and_a_network_of_ipv6(address: str, key: str) -> None:
    assert address_key(address) == key


@pytest.mark.parametrize("address", [None, "", "testclient", "192.0.2.7:80", "1" * 10_000])
def test_clients_without_an_address_share_a_key(address: str | None) -> None:
    assert address_key(address) == NO_ADDRESS
