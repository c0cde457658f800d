"""Draws the overview as it looks for a real service under a small load.

    .venv/bin/python -m tests.monitoring.picture

writes deploy/monitoring/overview.svg.
"""

import re
import sys
import tempfile
import time
from pathlib import Path

from tests.monitoring.dashboards import Panel, panels
from tests.monitoring.drawing import HEIGHT, WIDTH, Line, chart, figure, stat
from tests.monitoring.prometheus import MONITORING, Prometheus, Series
from tests.monitoring.service import load, watched

SECONDS = 60.0
RATE = "6s"
STATS_HEIGHT = 62
CHARTS = (
    "Requests by endpoint",
    "Answers by status",
    "Response time",
    "CPU of the processes",
    "Memory of the processes",
    "Event loop lag, p99",
    "Statements, p95",
    "Pool: connections in use",
)


def draw(prometheus: Prometheus, start: float, end: float, rate: str = RATE) -> str:
    """The overview's figures at `end` and some of its charts, unix seconds, as SVG."""
    overview = [panel for panel in panels(rate) if panel.dashboard == "overview"]
    stats = [panel for panel in overview if panel.kind == "stat"]
    chosen = [panel for title in CHARTS for panel in overview if panel.title == title]
    height = STATS_HEIGHT + HEIGHT * ((len(chosen) + 1) // 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{height}">',
        f'<rect width="{2 * WIDTH}" height="{height}" fill="#f6f6f6"/>',
    ]
    for number, panel in enumerate(stats):
        (series,) = prometheus.query(panel.queries[0])
        shown = _shown(panel, series.points[-1][1])
        parts.append(stat(panel.title, shown, 2 + 105 * number, 4))
    for number, panel in enumerate(chosen):
        x, y = 2 + WIDTH * (number % 2), STATS_HEIGHT + HEIGHT * (number // 2)
        lines = _lines(prometheus, panel, start, end)
        parts.append(chart(panel.title, panel.unit, lines, x, y))
    return "\n".join([*parts, "</svg>", ""])


def _shown(panel: Panel, value: float) -> str:
    if panel.title in {"PostgreSQL", "Redis"}:
        return "up" if value else "down"
    return figure(value, panel.unit)


def _lines(prometheus: Prometheus, panel: Panel, start: float, end: float) -> list[Line]:
    step = max(1.0, (end - start) / 40)
    return [
        Line(_name(legend, series), series.points)
        for query, legend in zip(panel.queries, panel.legends, strict=True)
        for series in prometheus.query_range(query, start, end, step)
    ]


def _name(legend: str, series: Series) -> str:
    # The port of an instance is another one each time, and says nothing in a picture.
    labels = {**series.labels, "instance": ""}
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend).strip()


def main() -> int:
    """Run it all."""
    with (
        tempfile.TemporaryDirectory(prefix="jubilee-picture-") as folder,
        watched(Path(folder)) as service,
    ):
        start = time.time()
        load(service.up, SECONDS)
        picture = draw(service.prometheus, start + 5, time.time())
    (MONITORING / "overview.svg").write_text(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
