"""What of deploy/compose runs in no test, for its images are not to be had: its files at least."""

import json
import os
import re
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from tests.deploy.compose import FILE, ROOT
from tests.monitoring.debian import program

MONITORING = FILE.parent / "monitoring"
CONTAINERFILES = (ROOT / "Containerfile", *FILE.parent.glob("*/Containerfile"))
CHECK = re.compile(r"HEALTHCHECK .*--timeout=(\d+)s .*--retries=(\d+)")
MIN_CHECK_S = 15  # a check waits for a core as any process does


def config(*options: str, **variables: str) -> str:
    """What `docker compose config` says of all profiles."""
    command = ("docker", "compose", "--file", str(FILE), "config", *options)
    env = {**os.environ, "COMPOSE_PROFILES": "edge,monitoring", **variables}
    return subprocess.check_output(command, env=env, text=True)


@pytest.fixture(scope="module")
def services(engine: docker.DockerClient) -> Any:
    """All services of all profiles, as `docker compose config` accepts and completes them."""
    return json.loads(config("--format", "json"))["services"]


def test_every_image_has_a_version(services: Any) -> None:
    own = {"api", "worker", "migrate"}
    tags = {
        name: service["image"].partition("@")[0].rpartition(":")[2]
        for name, service in services.items()
        if name not in own
    }
    assert [name for name, tag in tags.items() if not any(map(str.isdigit, tag))] == []


@pytest.mark.parametrize("name", ["haproxy", "pgbouncer"])
def test_the_tag_of_an_image_that_is_built_here_changes_with_its_files(name: str) -> None:
    files = sorted((FILE.parent / name).iterdir())
    digest = sha256(b"".join(f"{path.name}\n{path.read_text()}\n".encode() for path in files))
    image = yaml.safe_load(FILE.read_text())["services"][name]["image"]
    assert image.endswith(f"-{digest.hexdigest()[:8]}}}")


@pytest.mark.parametrize("path", CONTAINERFILES, ids=lambda path: path.parent.name)
def test_a_check_of_an_image_bears_a_busy_host(path: Path) -> None:
    ((timeout_s, retries),) = CHECK.findall(path.read_text())
    assert int(timeout_s) >= MIN_CHECK_S
    assert int(retries) >= 3


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_a_check_of_a_database_bears_a_busy_host(name: str) -> None:
    check = yaml.safe_load(FILE.read_text())["services"][name]["healthcheck"]
    assert int(check["timeout"].removesuffix("s")) >= MIN_CHECK_S
    assert check["retries"] >= 3


def test_every_service_has_limits_and_is_reached_from_this_machine_alone(services: Any) -> None:
    for name, service in services.items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
        assert {port["host_ip"] for port in service.get("ports", ())} <= {"127.0.0.1"}, name


def test_what_is_mounted_from_the_checkout_is_there(services: Any) -> None:
    mounted = [
        Path(volume["source"])
        for service in services.values()
        for volume in service.get("volumes", ())
        if volume["type"] == "bind"
    ]
    ours = [path for path in mounted if path.is_relative_to(FILE.parents[1])]
    assert len(ours) > 8
    assert [path for path in ours if not path.exists()] == []


def test_a_release_with_other_files_of_monitoring_makes_their_containers_anew(
    services: Any,
) -> None:
    before, after = (
        set(config("--hash", "*", JUBILEE_FILES=files).splitlines()) for files in ("one", "other")
    )
    anew = {line.split()[0] for line in before - after}
    mounting = {
        name
        for name, service in services.items()
        for volume in service.get("volumes", ())
        if "/monitoring/" in volume.get("source", "")
    }
    assert anew == mounting
    assert "prometheus" in anew


def test_promtool_accepts_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text((MONITORING / "prometheus.yml").read_text())
    (tmp_path / "rules").symlink_to(FILE.parents[1] / "monitoring/rules")
    command = (program("promtool"), "check", "config", tmp_path / "prometheus.yml")
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_collector_sends_where_services_listen(services: Any) -> None:
    collector = yaml.safe_load((MONITORING / "otel-collector.yml").read_text())
    exporters = collector["exporters"]
    hosts = {one["endpoint"].removeprefix("http://").split(":")[0] for one in exporters.values()}
    assert hosts <= set(services)
    for pipeline in collector["service"]["pipelines"].values():
        assert set(pipeline["exporters"]) <= set(exporters)
        assert set(pipeline["receivers"]) <= set(collector["receivers"])
        assert set(pipeline["processors"]) <= set(collector["processors"])


def test_grafana_reads_what_runs(services: Any) -> None:
    found = yaml.safe_load((MONITORING / "grafana/datasources.yml").read_text())["datasources"]
    assert {one["url"].split("/")[2].split(":")[0] for one in found} <= set(services)
    provided = yaml.safe_load((MONITORING / "grafana/dashboards.yml").read_text())
    folders = {volume["target"] for volume in services["grafana"]["volumes"]}
    assert {one["options"]["path"] for one in provided["providers"]} <= folders
