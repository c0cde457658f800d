"""The rules are valid, and each alert has unit tests and a runbook."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.monitoring.debian import program
from tests.monitoring.prometheus import MONITORING
from tests.support.running import PROGRAM_S

RULES = sorted((MONITORING / "rules").glob("*.yml"))
TESTS = sorted((MONITORING / "tests").glob("*.yml"))
RUNBOOKS = (MONITORING / "runbooks.md").read_text()
ALERTS = [name for path in RULES for name in re.findall(r"- alert: (\w+)", path.read_text())]


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    command = (str(program("promtool")), *arguments)
    return subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_S, check=False)


def expectations() -> Iterator[tuple[str, bool]]:
    """The alert of each unit test, and whether it has to fire."""
    pattern = re.compile(r"alertname: (\w+)\n +exp_alerts:( \[\])?\n")
    for path in TESTS:
        for name, silent in pattern.findall(path.read_text()):
            yield name, not silent


def entry(alert: str) -> str:
    """Its part of the runbooks."""
    found = re.search(rf"^## {alert}\n(.+?)(?=^## |\Z)", RUNBOOKS, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def test_promtool_accepts_the_rules_and_the_example_configuration() -> None:
    for kind, paths in (("rules", RULES), ("config", [MONITORING / "prometheus.yml"])):
        done = promtool("check", kind, *map(str, paths))
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_tests_of_the_alerts_pass() -> None:
    done = promtool("test", "rules", *map(str, TESTS))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_firing_and_a_silent_unit_test() -> None:
    wanted = {(alert, fires) for alert in ALERTS for fires in (True, False)}
    assert set(expectations()) == wanted


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_severity_and_a_runbook(alert: str) -> None:
    (rule,) = (
        found[0]
        for path in RULES
        for found in re.finditer(rf"- alert: {alert}\n(?: {{8}}.*\n)+", path.read_text())
    )
    assert re.search(r"severity: (critical|warning)\n", rule)
    assert "summary: " in rule
    assert "description: " in rule
    assert f"runbook_url: deploy/monitoring/runbooks.md#{alert.lower()}\n" in rule


@pytest.mark.parametrize("alert", ALERTS)
def test_a_runbook_has_its_three_parts(alert: str) -> None:
    for part in ("**Means**", "**Look**", "**Do**"):
        assert part in entry(alert), f"{alert}: {part}"


def test_the_runbooks_follow_the_order_of_the_rules() -> None:
    assert re.findall(r"^## (\w+)$", RUNBOOKS, re.MULTILINE) == ALERTS
