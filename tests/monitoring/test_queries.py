"""Every query of the dashboards and alerts, run by a Prometheus that scrapes the real service."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx2
import pytest

from tests.monitoring import promql
from tests.monitoring.dashboards import panels
from tests.monitoring.debian import program
from tests.monitoring.picture import CHARTS, draw
from tests.monitoring.prometheus import Prometheus
from tests.monitoring.service import LOAD, Watched, load, watched
from tests.servers import copy_data
from tests.support.running import PROGRAM_S, eventually

# Series that a healthy service does not have.
RARE = re.compile(r'status=~"5|outcome="dead"')
SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
# Alerts that a small loaded machine may raise for a moment, without their `for`.
BUSY = {
    "JubileeCpuHigh",
    "JubileeEventLoopLags",
    "JubileeLatencyBurnsFast",
    "JubileeLatencyBurnsSlowly",
    "JubileeLatencyHigh",
    "JubileePoolSaturated",
    "JubileeStatementsSlow",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, prepared_data: Path) -> Iterator[Watched]:
    """The service after some load, and Prometheus, which has seen it."""
    at = tmp_path_factory.mktemp("watched")
    copy_data(prepared_data, at / "data")
    with watched(at) as service:
        load(service.up)
        yield service


@pytest.fixture
def prometheus(service: Watched) -> Prometheus:
    """The one that watches."""
    return service.prometheus


def rules(prometheus: Prometheus, kind: str) -> list[dict[str, Any]]:
    """What Prometheus made of our rules: `alert` or `record`."""
    groups = prometheus.get("rules", type=kind)["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries(prometheus: Prometheus) -> set[str]:
    """Of the panels, the alerts and the recording rules."""
    of_rules = {rule["query"] for kind in ("alert", "record") for rule in rules(prometheus, kind)}
    return of_rules | {query for panel in panels() for query in panel.queries}


def test_every_panel_has_data(prometheus: Prometheus) -> None:
    def empty() -> list[tuple[str, str, str]]:
        return [
            (panel.dashboard, panel.title, query)
            for panel in panels()
            for query in panel.queries
            if not prometheus.query(query)
        ]

    assert eventually(lambda: not empty()), empty()


def test_every_series_has_the_labels_of_its_legend(prometheus: Prometheus) -> None:
    for panel in panels():
        for query, legend in zip(panel.queries, panel.legends, strict=True):
            wanted = set(re.findall(r"\{\{(\w+)\}\}", legend)) - {"pod"}  # Kubernetes' alone
            for series in prometheus.query(query):
                assert wanted <= set(series.labels), (panel.title, legend)


def test_every_queried_metric_exists(prometheus: Prometheus) -> None:
    known = prometheus.names()
    asked = set().union(*map(promql.metrics, queries(prometheus)))
    assert len(asked) > 40
    assert asked <= known


def test_every_selector_matches_a_series(prometheus: Prometheus) -> None:
    for selector in set().union(*map(promql.selectors, queries(prometheus))):
        metric = selector.partition("{")[0]
        series = prometheus.get("series", **{"match[]": metric})
        assert promql.labels(selector) <= {name for one in series for name in one}, selector
        if not RARE.search(selector):
            assert prometheus.query(selector), selector


def test_a_healthy_service_raises_no_alert(prometheus: Prometheus) -> None:
    def raised() -> set[str]:
        return {one["name"] for one in rules(prometheus, "alert") if one["state"] != "inactive"}

    assert {rule["health"] for rule in rules(prometheus, "alert")} == {"ok"}
    assert eventually(lambda: not raised() - BUSY), raised()  # a late scrape raises some


def test_promtool_accepts_the_metrics(prometheus: Prometheus) -> None:
    for target in prometheus.get("targets", state="active")["activeTargets"]:
        if target["labels"]["job"].startswith("jubilee-"):
            text = httpx2.get(target["scrapeUrl"], timeout=60).text
            command = (str(program("promtool")), "check", "metrics")
            done = subprocess.run(
                command, input=text, capture_output=True, text=True, timeout=PROGRAM_S, check=False
            )
            assert (done.returncode, done.stderr) == (0, "")


def test_no_label_contains_input_of_a_client(prometheus: Prometheus) -> None:
    endpoints = prometheus.get("label/endpoint/values")
    assert "unmatched" in endpoints
    assert "/items/{id}" in endpoints
    assert not [one for one in endpoints if "nowhere" in one or "Mia" in one or "api/" in one]


def test_the_picture_of_the_overview_is_drawn_from_its_queries(prometheus: Prometheus) -> None:
    now = time.time()
    picture = ET.fromstring(draw(prometheus, now - LOAD, now, "1m"))
    texts = {element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {*CHARTS, "API instances", "Error budget left"} <= texts
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}polyline"))) >= len(CHARTS)


def test_enqueued_jobs_are_counted_by_kind(prometheus: Prometheus) -> None:
    def counted(series: str) -> float:
        return sum(found.points[-1][1] for found in prometheus.query(series))

    asked = 'jobs_enqueued_total{job="jubilee-api",kind="echo"}'
    started = 'jobs_started_total{job="jubilee-worker",kind="echo"}'
    assert eventually(lambda: counted(asked) == counted(started) > 1)
    assert counted('jobs_enqueued_total{job="jubilee-api",kind="email.welcome"}') == 1


# The last test of this module: it breaks the service's exports.
def test_failed_exports_are_shown_by_the_panel_and_the_alert(
    service: Watched,
) -> None:
    (panel,) = (one for one in panels() if one.title == "Telemetry export failures")
    alert = 'ALERTS{alertname="JubileeExportFails"}'

    def lost(query: str) -> set[tuple[str, str]]:
        found = service.prometheus.query(query)
        return {(s.labels["job"], s.labels["signal"]) for s in found if s.points[-1][1] > 0}

    assert not lost(panel.queries[0])
    service.collector.answer = 500
    live = f"http://127.0.0.1:{service.up.port}/health/live"
    httpx2.get(live, headers={"traceparent": SAMPLED}, timeout=60).raise_for_status()
    every = {("jubilee-api", "traces"), ("jubilee-api", "metrics"), ("jubilee-worker", "metrics")}
    assert eventually(lambda: every <= lost(panel.queries[0]) & lost(alert))
