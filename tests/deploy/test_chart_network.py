"""deploy/chart: who may reach whom, as its NetworkPolicies add up."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.chart import DEFAULTS, Release, pods, releases

COMPONENTS = ("api", "worker", "migrate", "redis", "test")
ALLOWS_NOTHING = {"podSelector", "policyTypes"}
"""The keys of a policy that allows nothing."""


def _policies(release: Release, component: str) -> Iterator[dict[str, Any]]:
    """Generate the specifications of the policies that select a component."""
    for policy in release.all("NetworkPolicy"):
        expressions = policy["spec"]["podSelector"].get("matchExpressions", [])
        if all(component in each["values"] for each in expressions):
            yield policy["spec"]


def _ports(release: Release, component: str, direction: str) -> set[Any]:
    return {
        port["port"]
        for spec in _policies(release, component)
        for rule in spec.get(direction, ())
        for port in rule["ports"]
    }


@pytest.mark.parametrize("component", COMPONENTS)
def test_nothing_is_allowed_that_is_not_named(component: str) -> None:
    release = releases()["production"]
    denied = [spec for spec in _policies(release, component) if set(spec) == ALLOWS_NOTHING]
    assert [spec["policyTypes"] for spec in denied] == [["Ingress", "Egress"]]


@pytest.mark.parametrize(
    ("component", "ingress", "egress"),
    [
        ("api", {"http", "metrics"}, {53, 5432, 6379}),
        ("worker", {"metrics"}, {53, 5432, 6379}),
        ("migrate", set(), {53, 5432}),
        ("test", set(), {53, "http"}),
    ],
)
def test_by_default_each_part_reaches_what_it_needs_and_no_more(
    component: str, ingress: set[Any], egress: set[Any]
) -> None:
    release = releases()[DEFAULTS]
    assert _ports(release, component, "ingress") == ingress
    assert _ports(release, component, "egress") == egress


def test_mail_telemetry_and_webhooks_leave_by_holes_of_their_own() -> None:
    release = releases()["production"]
    assert _ports(release, "worker", "egress") >= {587, 4318, 443}
    assert _ports(release, "api", "egress") >= {4318, 443}
    assert 587 not in _ports(release, "api", "egress")
    (https,) = (
        each for each in release.all("NetworkPolicy") if "https" in each["metadata"]["name"]
    )
    (rule,) = https["spec"]["egress"]
    assert "10.0.0.0/8" in rule["to"][0]["ipBlock"]["except"]


def test_the_database_is_reached_at_private_addresses_alone() -> None:
    release = releases()[DEFAULTS]
    policy = release.one("NetworkPolicy", "jubilee-postgres")
    blocks = [each["ipBlock"]["cidr"] for each in policy["spec"]["egress"][0]["to"]]
    assert blocks == ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]


def test_databases_of_the_chart_are_reached_by_their_labels() -> None:
    release = releases()["production"]
    for name in ("jubilee-postgres", "jubilee-redis"):
        (rule,) = release.one("NetworkPolicy", name)["spec"]["egress"]
        assert all(set(peer) == {"podSelector"} for peer in rule["to"]), name
    assert _ports(release, "redis", "ingress") == {6379, 26379}
    assert _ports(release, "redis", "egress") == {53, 6379, 26379}


def test_every_port_that_a_policy_names_is_a_port_of_its_pods() -> None:
    for release in releases().values():
        named = {
            port["name"]
            for pod in pods(release)
            for container in pod["containers"]
            for port in container.get("ports", ())
        }
        ingress = {port for each in COMPONENTS for port in _ports(release, each, "ingress")}
        assert {port for port in ingress if isinstance(port, str)} <= named
