"""A real Prometheus on loopback, with the configuration of deploy/monitoring."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import httpx2

from tests.monitoring.debian import ROOT, program
from tests.support.running import eventually, free_port

MONITORING = ROOT / "deploy" / "monitoring"
QUICK = "1s"


@dataclass(frozen=True, slots=True)
class Series:
    """One answer to a query: its labels, and its points as (unix seconds, value)."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


def configure(at: Path, targets: Mapping[str, str]) -> Path:
    """The example configuration with these targets for its own, and all intervals a second."""
    text = (MONITORING / "prometheus.yml").read_text()
    for example, real in targets.items():
        assert f"[{example}]" in text
        text = text.replace(f"[{example}]", f"[{real!r}]")
    config = at / "prometheus.yml"
    config.write_text(re.sub(r"_interval: \w+", f"_interval: {QUICK}", text))
    (at / "rules").mkdir()
    for rules in (MONITORING / "rules").glob("*.yml"):
        quick = re.sub(r"\n    interval: \w+", "", rules.read_text())
        (at / "rules" / rules.name).write_text(quick)
    return config


class Prometheus:
    """One server; what it keeps is gone with its folder."""

    def __init__(self, at: Path, targets: Mapping[str, str]) -> None:
        """Run it with the working folder `at`."""
        self.url = f"http://127.0.0.1:{free_port()}"
        self._log = at / "prometheus.log"
        command = (
            program("prometheus"),
            f"--config.file={configure(at, targets)}",
            f"--storage.tsdb.path={at / 'tsdb'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=at, stdout=log, stderr=log)

    def ready(self) -> "Prometheus":
        """Wait until it answers."""
        assert eventually(self._answers, within=30), self._log.read_text()
        return self

    def end(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(30)

    def get(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer; a query that is wrong fails."""
        answer = httpx2.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=30)
        assert answer.status_code == 200, f"{parameters}: {answer.text}"
        return answer.json()["data"]

    def query(self, expression: str) -> list[Series]:
        """What it is now; series whose value is no number are left out."""
        found = self.get("query", query=expression)["result"]
        every = (Series(one["metric"], _points([one["value"]])) for one in found)
        return [series for series in every if series.points]

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """The same from `start` to `end`, unix seconds, every `step` seconds."""
        within = {"start": str(start), "end": str(end), "step": str(step)}
        found = self.get("query_range", query=expression, **within)["result"]
        every = (Series(one["metric"], _points(one["values"])) for one in found)
        return [series for series in every if series.points]

    def names(self) -> set[str]:
        """Every metric that it has seen."""
        return set(self.get("label/__name__/values"))

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/-/ready", timeout=30).status_code == 200
        except httpx2.HTTPError:
            return False


def _points(values: Sequence[tuple[float, str]]) -> list[tuple[float, float]]:
    numbers = ((at, float(value)) for at, value in values)
    return [(at, value) for at, value in numbers if not isnan(value)]
