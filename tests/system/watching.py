"""Processes that are watched by their metrics while a runbook is followed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import httpx2

from tests.support.running import Up, eventually, free_port
from tests.system.alert_metrics import narrowed, panel, rules, selectors, total

MEASURED = "jobs_state{"
"""Begins the series that a worker has once it has measured the backlog: at its start."""

SUFFIX = re.compile("_(bucket|count|sum|total)$")

StartWorker: TypeAlias = Callable[..., Up]


def scrape(port: int) -> str:
    """Return the metrics of the process that listens on this port."""
    return httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text


def shown(metrics: str, alert: str, title: str) -> float:
    """Return the sum of what a panel that the entry names reads from these metrics."""
    return sum(_read(metrics, selectors(panel(alert, title))).values())


def alerted(metrics: str, alert: str) -> dict[str, float]:
    """Return what the alert reads from these metrics, by selector."""
    return _read(metrics, selectors(rules()[alert]))


def _read(metrics: str, chosen: set[str]) -> dict[str, float]:
    """Return the sum of each selector's samples; a process exposes at least one of the metrics."""
    names = {SUFFIX.sub("", each.partition("{")[0]) for each in chosen}
    assert any(f"# TYPE {name}" in metrics for name in names), names
    return {each: total(metrics, each) for each in chosen}


def quantile(share: float, query: str, metrics: str, before: str = "") -> float:
    """Return a quantile of the histogram that a query reads, of what is new since `before`.

    It is the upper bound of its bucket, and infinite above the last one.
    """
    (chosen,) = (each for each in selectors(query) if "_bucket{" in each)
    name = chosen.partition("{")[0]
    counts = {}
    for bound in set(re.findall(rf'^{name}{{.*?le="([^"]+)"', metrics, re.MULTILINE)):
        of_bound = narrowed(chosen, le=bound)
        counts[float(bound)] = total(metrics, of_bound) - total(before, of_bound)
    return min(bound for bound, count in counts.items() if count >= share * max(counts.values()))


@dataclass(frozen=True, slots=True)
class Watched:
    """A worker and its metrics."""

    process: Up
    port: int

    @property
    def metrics(self) -> str:
        """What it shows now."""
        return scrape(self.port)


def watched(start_worker: StartWorker, **env: str | None) -> Watched:
    """Start a worker, and wait until it has measured the backlog, which it does every 15 s."""
    port = free_port()
    worker = Watched(start_worker(WORKER_METRICS_PORT=str(port), **env), port)
    assert eventually(lambda: MEASURED in worker.metrics), worker.process.output
    return worker
