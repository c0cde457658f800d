"""Releases by commits: real repositories, and a real Prometheus over the metrics of two colours."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from deploy.bluegreen.colours import Colour, NotReadable
from deploy.bluegreen.figures import increase
from deploy.bluegreen.gitops import Clone, GitRouter
from deploy.bluegreen.prometheus import SELECTOR, PrometheusFigures

from tests.deploy.chart import render
from tests.deploy.conftest import ROOT, START_S, eventually
from tests.monitoring.debian import program
from tests.monitoring.exporters import exporter
from tests.support.running import free_port

ROUTE = (ROOT / "deploy/bluegreen/httproute.yaml").read_text()
VALUES = "image:\n  repository: ghcr.io/example/jubilee\n  digest: ''\napi:\n  replicas: 3\n"
DIGEST = f"sha256:{'0' * 64}"
METRICS = """

process_start_time_seconds {started}
http_requests_total{{endpoint="/hello/{{username}}",status="200"}} {requests}
http_requests_total{{endpoint="/hello/{{username}}",status="500"}} 7
http_requests_total{{endpoint="/items",status="501"}} 5
http_requests_total{{endpoint="/health/ready",status="503"}} 9
http_request_duration_seconds_bucket{{endpoint="/hello/{{username}}",le="0.1"}} {requests}
http_request_duration_seconds_bucket{{endpoint="/hello/{{username}}",le="+Inf"}} {requests}
"""
IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.com")


def test_the_route_and_the_selector_name_what_the_chart_makes() -> None:
    values = {"fullnameOverride": "jubilee-green", "monitoring": {"monitors": True}}
    release = render(values)
    (port,) = release.one("Service", "jubilee-green-api")["spec"]["ports"]
    assert f"name: jubilee-green-api\n          port: {port['port']}\n" in ROUTE
    assert release.one("Service", "jubilee-green-api-metrics")
    assert 'service="jubilee-{colour}-api-metrics"' in SELECTOR
    (endpoint,) = release.one("ServiceMonitor", "jubilee-green-api")["spec"]["endpoints"]
    assert [one["replacement"] for one in endpoint["relabelings"]] == ["jubilee-api"]


def git(at: Path, *arguments: str) -> str:
    return subprocess.check_output(("git", *IDENTITY, *arguments), cwd=at, text=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment `staging` in a clone of a repository beside it."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "test@example.com")
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    git(tmp_path, "clone", "--quiet", "origin.git", "clone")
    made = tmp_path / "clone/staging"
    made.mkdir()
    (made / "httproute.yaml").write_text(ROUTE)
    (made / "blue.yaml").write_text(VALUES)
    (made / "green.yaml").write_text(VALUES)
    git(made, "checkout", "--quiet", "-B", "main")
    git(made, "add", ".")
    git(made, "commit", "--quiet", "--message", "Start")
    git(made, "push", "--quiet", "--set-upstream", "origin", "main")
    return made


@pytest.fixture
def nowhere() -> PrometheusFigures:
    return PrometheusFigures("http://127.0.0.1:1")


def test_a_switch_is_a_commit_that_changes_the_weights_alone(
    folder: Path, nowhere: PrometheusFigures
) -> None:
    router = GitRouter(folder / "httproute.yaml", nowhere)
    assert router.serving() is Colour.BLUE
    router.switch(Colour.GREEN)
    assert router.serving() is Colour.GREEN
    assert git(folder, "log", "-1", "--format=%s", "origin/main") == "Send requests to green\n"
    changed = git(folder, "diff", "-U0", "HEAD~1").splitlines()
    assert [line for line in changed if line.startswith(("-  ", "+  "))] == [
        "-          weight: 100",
        "+          weight: 0",
        "-          weight: 0",
        "+          weight: 100",
    ]
    router.switch(Colour.BLUE)
    assert (folder / "httproute.yaml").read_text() == ROUTE


def test_a_commit_that_was_pushed_meanwhile_comes_first(
    folder: Path, nowhere: PrometheusFigures, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "origin.git", "other")
    Clone(tmp_path / "other/staging").change("blue.yaml", str.upper, "Change values")
    GitRouter(folder / "httproute.yaml", nowhere).switch(Colour.GREEN)
    assert git(folder, "log", "--format=%s", "origin/main").splitlines() == [
        "Send requests to green",
        "Change values",
        "Start",
    ]


def test_the_idle_colour_gets_the_image(folder: Path, nowhere: PrometheusFigures) -> None:
    router = GitRouter(folder / "httproute.yaml", nowhere)
    assert router.pin(DIGEST) is Colour.GREEN
    assert (folder / "green.yaml").read_text() == VALUES.replace("''", DIGEST)
    assert (folder / "blue.yaml").read_text() == VALUES


def test_what_is_no_digest_is_refused(folder: Path, nowhere: PrometheusFigures) -> None:
    with pytest.raises(NotReadable, match="'latest' is no digest of an image"):
        GitRouter(folder / "httproute.yaml", nowhere).pin("latest")


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[str]:
    """The URL of a server that scrapes both colours; green was started just now."""
    url = f"http://127.0.0.1:{free_port()}"
    with ExitStack() as ends:
        jobs = []
        for colour, started, requests in (("blue", 1, 1000), ("green", time.time() + 60, 100)):
            text = tmp_path / f"{colour}.txt"
            text.write_text(METRICS.format(started=started, requests=requests))
            target = ends.enter_context(exporter(text))
            labels = f"{{service: jubilee-{colour}-api-metrics, job: jubilee-api}}"
            static = f"static_configs: [{{targets: ['{target}'], labels: {labels}}}]"
            jobs.append(f"  - {{job_name: {colour}, scrape_interval: 1s, {static}}}\n")
        config = tmp_path / "prometheus.yml"
        config.write_text("scrape_configs:\n" + "".join(jobs))
        options = (
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address={url.removeprefix('http://')}",
            "--log.level=error",
        )
        server = subprocess.Popen((program("prometheus"), *options), cwd=tmp_path)
        try:
            yield url
        finally:
            server.terminate()
            server.wait(30)


def is_scraped(figures: PrometheusFigures) -> bool:
    try:
        return figures.instances(Colour.GREEN, 0) == (1, 1)
    except NotReadable:
        return False


def test_a_colour_is_ready_once_its_pods_are_those_of_the_last_commit(
    folder: Path, prometheus: str
) -> None:
    figures = PrometheusFigures(prometheus)
    router = GitRouter(folder / "httproute.yaml", figures)
    assert eventually(lambda: is_scraped(figures))
    assert router.is_ready(Colour.GREEN)
    assert not router.is_ready(Colour.BLUE)  # its process is older than the commit of its values
    seen = increase({}, figures.read(Colour.GREEN))
    assert (seen.requests, seen.errors, seen.latency[-1][1]) == (112, 7, 100)


def test_the_command_rolls_back_by_a_commit(folder: Path, prometheus: str) -> None:
    figures = PrometheusFigures(prometheus)
    assert eventually(lambda: is_scraped(figures))
    where = f"--route {folder / 'httproute.yaml'} --prometheus {prometheus}"
    options = f"{where} --baseline-s=0 --watch-s=2 --poll-s=0.5".split()
    ended = subprocess.run(
        (sys.executable, "-m", "deploy.bluegreen", "release", *options),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    assert ended.returncode == 1
    assert "rolled back to blue: green: 0 requests in 2 s are too few" in ended.stderr
    assert git(folder, "log", "--format=%s", "origin/main").splitlines() == [
        "Send requests to blue",
        "Send requests to green",
        "Start",
    ]
