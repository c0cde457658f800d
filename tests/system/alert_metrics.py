"""What alerts and panels read, found in the metrics of a running process."""

import re
from functools import cache, lru_cache
from math import prod
from time import monotonic

import httpx2
import yaml  # type: ignore[import-untyped]  # it ships no types
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.monitoring import promql
from tests.monitoring.dashboards import panels
from tests.monitoring.prometheus import MONITORING
from tests.system.runbooks import panels_of

COMPARISON = re.compile(r"(jubilee:[\w:]+) > ([\d.* ]+)")
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


@lru_cache(maxsize=2)
def samples(exposition: str) -> list[Sample]:
    """Return the samples of a scrape."""
    return [one for each in text_string_to_metric_families(exposition) for one in each.samples]


def total(exposition: str, selector: str) -> float:
    """Return the sum of the samples that a selector chooses; Prometheus itself adds `job`."""
    name, _, braces = selector.partition("{")
    matchers = [found for found in MATCHER.findall(braces) if found[0] != "job"]
    every = [sample for sample in samples(exposition) if sample.name == name]
    return sum(one.value for one in every if all(_holds(one.labels, *each) for each in matchers))


def narrowed(selector: str, **labels: object) -> str:
    """Return a selector that also chooses by these labels."""
    matchers = [f'{name}="{value}"' for name, value in labels.items()]
    return f"{selector[:-1]},{','.join(matchers)}}}"


class Growth:
    """What a process has counted since this object was made."""

    def __init__(self, url: str) -> None:
        """Scrape the metrics of the process at this base URL."""
        self._url = f"{url}/metrics"
        self._before, self._since = self.scraped(), monotonic()

    def scraped(self) -> str:
        """Return the metrics as they are now."""
        return httpx2.get(self._url, timeout=60).text

    def of(self, selector: str) -> float:
        """Return the growth of the samples that a selector chooses."""
        return self._between(selector, self.scraped())

    def share_above(self, seconds: float, selector: str) -> float:
        """Return the share above a bound of a histogram's buckets: 0.05 of them are above p95."""
        after = self.scraped()
        within, every = (
            self._between(narrowed(selector, le=bound), after) for bound in (seconds, "+Inf")
        )
        return 1 - within / every if every else 0.0

    def exceeded(self, alert: str) -> dict[str, bool]:
        """Return for each recorded rule of an alert whether this growth is beyond its bound."""
        after, seconds = self.scraped(), monotonic() - self._since
        return {
            rule: self._recorded(rule, after, seconds) > prod(map(float, bound.split("*")))
            for rule, bound in COMPARISON.findall(rules()[alert])
        }

    def _recorded(self, rule: str, after: str, seconds: float) -> float:
        """Return what a rule would record if this growth had lasted for its window."""
        counted = [self._between(each, after) for each in promql.SELECTOR.findall(rules()[rule])]
        if len(counted) == 1:
            return counted[0] / seconds
        part, whole = counted
        return 1 - part / whole if rules()[rule].startswith("1 -") else part / whole

    def _between(self, selector: str, after: str) -> float:
        return total(after, selector) - total(self._before, selector)


def _holds(labels: dict[str, str], label: str, operator: str, value: str) -> bool:
    given = labels.get(label, "")
    matches = re.fullmatch(value, given) is not None if "~" in operator else given == value
    return matches != operator.startswith("!")
