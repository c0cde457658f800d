"""The dashboards, as Grafana reads them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.monitoring.prometheus import MONITORING

NAMES = ("overview", "jobs")


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: its queries, and with each the name of its lines (`{{label}}` stands for one)."""

    dashboard: str
    title: str
    kind: str
    unit: str
    queries: tuple[str, ...]
    legends: tuple[str, ...]


def document(name: str) -> Any:
    """The dashboard's JSON."""
    return json.loads((MONITORING / "dashboards" / f"{name}.json").read_text())


def panels(interval: str = "1m") -> Iterator[Panel]:
    """Every panel that shows data; rates are taken over the interval, where Grafana chooses it."""
    for name in NAMES:
        for panel in document(name)["panels"]:
            if panel["type"] != "row":
                yield _panel(name, panel, interval)


def _panel(dashboard: str, panel: Any, interval: str) -> Panel:
    targets = panel["targets"]
    return Panel(
        dashboard,
        panel["title"],
        panel["type"],
        panel["fieldConfig"]["defaults"]["unit"],
        tuple(target["expr"].replace("$__rate_interval", interval) for target in targets),
        tuple(target["legendFormat"] for target in targets),
    )
