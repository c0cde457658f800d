"""deploy/chart: monitors, rules and dashboards, which are the files of deploy/monitoring."""

import json
from pathlib import Path

import yaml  # type: ignore[import-untyped]  # it ships no types

from tests.deploy.chart import CHART, PROGRAMS, releases
from tests.deploy.tools import ROOT, run_tool

MONITORING = ROOT / "deploy/monitoring"


def test_rules_and_dashboards_of_the_chart_are_links_to_those_of_monitoring() -> None:
    for name in ("rules", "dashboards"):
        assert (CHART / "files" / name).is_symlink()
        assert (CHART / "files" / name).resolve() == MONITORING / name


def test_a_package_of_the_chart_has_the_same_files(tmp_path: Path) -> None:
    ended = run_tool("python", PROGRAMS / "package.py", tmp_path)
    packaged = json.loads(ended.stdout)
    files = [*MONITORING.glob("rules/*.yml"), *MONITORING.glob("dashboards/*.json")]
    ours = {f"files/{file.parent.name}/{file.name}": file.read_text() for file in files}
    assert {name: packaged.get(name) for name in ours} == ours
    assert not [name for name in packaged if name.startswith("ci/")]


def test_each_file_of_rules_is_a_prometheus_rule_with_the_same_content() -> None:
    found = {
        each["metadata"]["name"]: each["spec"]
        for each in releases()["hexahub"].all("PrometheusRule")
    }
    files = sorted((MONITORING / "rules").glob("*.yml"))
    assert found == {f"jubilee-{file.stem}": yaml.safe_load(file.read_text()) for file in files}
    assert files


def test_each_dashboard_is_a_config_map_with_the_same_bytes() -> None:
    found = {
        name: text
        for each in releases()["hexahub"].all("ConfigMap")
        if each["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, text in each["data"].items()
    }
    files = sorted((MONITORING / "dashboards").glob("*.json"))
    assert {name: text.strip() for name, text in found.items()} == {
        file.name: file.read_text().strip() for file in files
    }
    assert files


def test_the_monitors_name_the_jobs_as_the_rules_do() -> None:
    release = releases()["hexahub"]
    api = release.one("ServiceMonitor", "jubilee-api")["spec"]
    worker = release.one("PodMonitor", "jubilee-worker")["spec"]
    for job, endpoint in (
        ("jubilee-api", api["endpoints"][0]),
        ("jubilee-worker", worker["podMetricsEndpoints"][0]),
    ):
        assert endpoint["relabelings"] == [
            {"action": "replace", "targetLabel": "job", "replacement": job}
        ]
        assert endpoint["port"] == "metrics"


def test_the_monitors_select_what_serves_metrics() -> None:
    release = releases()["hexahub"]
    wanted = release.one("ServiceMonitor", "jubilee-api")["spec"]["selector"]["matchLabels"]
    (service,) = (
        each
        for each in release.all("Service")
        if wanted.items() <= each["metadata"]["labels"].items()
    )
    assert service["spec"]["clusterIP"] == "None"
    pods = release.one("Deployment", "jubilee-worker")["spec"]["template"]["metadata"]["labels"]
    wanted = release.one("PodMonitor", "jubilee-worker")["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= pods.items()


def test_without_the_operator_none_of_its_kinds_is_rendered() -> None:
    kinds = {each["kind"] for each in releases()[""].objects}
    assert not kinds & {"ServiceMonitor", "PodMonitor", "PrometheusRule"}
