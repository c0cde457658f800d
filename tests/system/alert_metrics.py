"""What alerts and panels read, found in the metrics of a running process."""

import re
from functools import cache

import yaml  # type: ignore[import-untyped]  # it ships no types
from prometheus_client.parser import text_string_to_metric_families

from tests.monitoring import promql
from tests.monitoring.dashboards import panels
from tests.monitoring.prometheus import MONITORING
from tests.system.runbooks import panels_of

MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')


@cache
def rules() -> dict[str, str]:
    """Return the query of each alert and each recording rule."""
    files = [yaml.safe_load(path.read_text()) for path in (MONITORING / "rules").glob("*.yml")]
    every = [rule for file in files for group in file["groups"] for rule in group["rules"]]
    return {rule.get("alert") or rule["record"]: rule["expr"] for rule in every}


def panel(alert: str, title: str) -> str:
    """Return the queries of a panel that the alert's entry names."""
    assert title in panels_of(alert)
    fits = re.compile(rf"{re.escape(title)}(, | of |$)")
    return "\n".join(query for one in panels() if fits.match(one.title) for query in one.queries)


def selectors(query: str) -> set[str]:
    """Return what a query reads from processes, also by recording rules."""
    recorded = [rules()[name] for name in promql.metrics(query) if name in rules()]
    return promql.selectors(query).union(*map(selectors, recorded))


def total(exposition: str, selector: str) -> float:
    """Return the sum of the samples that a selector chooses; Prometheus itself adds `job`."""
    name, _, braces = selector.partition("{")
    matchers = [found for found in MATCHER.findall(braces) if found[0] != "job"]
    families = text_string_to_metric_families(exposition)
    every = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(one.value for one in every if all(_holds(one.labels, *each) for each in matchers))


def totals(exposition: str, query: str) -> dict[str, float]:
    """Return the sum of each selector of a query."""
    return {selector: total(exposition, selector) for selector in selectors(query)}


def _holds(labels: dict[str, str], label: str, operator: str, value: str) -> bool:
    given = labels.get(label, "")
    matches = re.fullmatch(value, given) is not None if "~" in operator else given == value
    return matches != operator.startswith("!")
