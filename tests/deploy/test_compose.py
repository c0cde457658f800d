"""deploy/compose in real containers, in order: one of each, then several behind TLS, then none."""

import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import docker
import httpx2
import pytest

from tests import images
from tests.deploy.compose import ANSWER_S, PROMETHEUS, ROOT, SERVICES, Deployment
from tests.deploy.conftest import eventually
from tests.support.api import PASSWORD, bearer, sign_up

RULES = sorted((ROOT / "deploy/monitoring/rules").glob("*.yml"))
PROMETHEUS_IMAGE = "localhost/jubilee-prometheus:test"
LEASE_S = WAIT_S = 15  # more than containers wait for a core of a loaded machine
SETTINGS = f"""
LEASE_SECONDS={LEASE_S}
REQUEST_TIMEOUT={WAIT_S}
DATABASE_TIMEOUT={WAIT_S}
OUTBOUND_ALLOWED_HOSTS=api:8000
"""
TASKS = 40
TRIES = 5
ENDED = "ended"
RUNS_ON = f"""
    SELECT coalesce(host, '{ENDED}') FROM jobs LEFT JOIN workers ON workers.id = worker_id
    WHERE status <> 'queued' AND task_id =
"""
LOST_WORKER = "SELECT status = 'running' OR crashes > 0 FROM jobs WHERE task_id ="


@pytest.fixture(scope="module")
def deployment(
    engine: docker.DockerClient, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """What `docker compose up` starts without anything prepared but the image."""
    if shutil.which("docker") is None:
        pytest.skip("there is no docker compose")
    settings = tmp_path_factory.mktemp("compose") / "settings.env"
    settings.write_text(SETTINGS)
    free = dict.fromkeys(("JUBILEE_PORT", "HTTP_PORT", "HTTPS_PORT", "PROMETHEUS_PORT"), "")
    env = {"JUBILEE_IMAGE": image, "JUBILEE_ENV_FILE": str(settings), **free}
    made = Deployment(f"jubilee-{secrets.token_hex(4)}", env, engine)
    try:
        made.compose("up", "--detach", profiles="")
        yield made
    finally:
        made.compose("down", "--volumes", "--timeout", "5")


@pytest.fixture(scope="module")
def scaled(deployment: Deployment) -> Deployment:
    """The same with three APIs behind the proxy, and two workers."""
    scales = ("--scale", "api=3", "--scale", "worker=2")
    deployment.compose("up", "--detach", *scales, profiles="edge")
    for address in deployment.addresses("api", 8000):
        with httpx2.Client(base_url=f"http://{address}", timeout=ANSWER_S) as api:
            assert eventually(partial(_is_ready, api)), address
    with deployment.edge() as edge:
        assert eventually(lambda: _is_ready(edge))
    return deployment


def test_one_command_starts_a_service_that_greets(deployment: Deployment) -> None:
    assert {container["Service"] for container in deployment.containers()} == SERVICES
    with deployment.api() as api:
        assert eventually(lambda: _is_ready(api))
        assert api.put("/hello/Zoe", json={"dateOfBirth": "1990-02-28"}).status_code == 204
        assert api.get("/hello/Zoe").json()["message"].startswith("Hello, Zoe! ")


def test_a_task_runs(deployment: Deployment) -> None:
    with deployment.api() as api:
        api.headers = bearer(sign_up(api, "ada"))
        task = api.post("/tasks", json={"kind": "echo", "data": {"n": 1}}).json()
        path = f"/tasks/{task['id']}"
        assert eventually(lambda: api.get(path, params={"wait": 9}).json()["status"] == "succeeded")
        assert api.get(path).json()["result"] == {"n": 1}


def test_the_service_owns_its_database_and_is_no_superuser(deployment: Deployment) -> None:
    owner = "SELECT datdba FROM pg_database WHERE datname = 'jubilee'"
    query = f"SELECT rolname, rolsuper FROM pg_roles WHERE oid = ({owner})"
    assert deployment.query(query) == "jubilee|f"


def test_the_workers_check_is_the_image_s_and_answers(deployment: Deployment) -> None:
    assert deployment.execute("worker", "jubilee", "health") == "worker: healthy\n"


def test_processes_have_limits_and_no_privileges(
    engine: docker.DockerClient, deployment: Deployment
) -> None:
    for service in ("api", "worker", "pgbouncer"):
        (found,) = deployment.ids(service)
        host = engine.containers.get(found).attrs["HostConfig"]
        assert host["ReadonlyRootfs"], service
        assert host["Memory"] > 0, service
        assert host["PidsLimit"] > 0, service
        status = deployment.execute(service, "cat", "/proc/1/status")
        assert re.search(r"^Uid:\s+1001\s", status, re.MULTILINE), service
        assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE), service


def test_a_session_is_good_at_every_api_and_plain_http_is_sent_to_tls(scaled: Deployment) -> None:
    with scaled.edge() as edge:
        headers = bearer(sign_up(edge, "bob"))
        answer = edge.get("/users/me", headers=headers)
    assert answer.headers["strict-transport-security"]
    apis = scaled.addresses("api", 8000)
    assert len(apis) == 3
    for address in apis:
        assert _get(f"http://{address}/users/me", headers=headers).json() == answer.json()
    (plain,) = scaled.addresses("haproxy", 8080)
    assert _get(f"http://{plain}/hello/Zoe").status_code == 308


def test_the_api_knows_the_client_behind_the_proxy(scaled: Deployment) -> None:
    forged = ("-H", "X-Forwarded-For: 198.51.100.9", "-H", "Forwarded: for=198.51.100.9")
    form = ("-d", "username=joe", "--data-urlencode", f"password={PASSWORD}")
    url = "https://localhost:8443/auth/token"
    with scaled.edge() as edge:
        headers = bearer(sign_up(edge, "joe"))
        scaled.execute("haproxy", "curl", "-fsSk", *forged, *form, url)
        sessions = edge.get("/auth/sessions", headers=headers).json()["items"]
    found = {session["ip"] for session in sessions}
    assert "127.0.0.1" in found, found  # of curl beside HAProxy, not HAProxy's own
    assert "198.51.100.9" not in found


def test_prometheus_finds_every_replica_and_the_databases(
    engine: docker.DockerClient, scaled: Deployment
) -> None:
    images.build(engine, PROMETHEUS_IMAGE, path=str(PROMETHEUS), dockerfile="Containerfile")
    exporters = ("postgres-exporter", "redis-exporter")
    scaled.compose("up", "--detach", "--no-recreate", "--no-deps", "prometheus", *exporters)
    (address,) = scaled.addresses("prometheus", 9090)
    with httpx2.Client(base_url=f"http://{address}", timeout=ANSWER_S) as prometheus:
        there = {"jubilee-api": 3, "jubilee-worker": 2, "postgres": 1, "redis": 1}
        assert eventually(lambda: _up(prometheus) == there), _up(prometheus)
        groups = prometheus.get("/api/v1/rules").json()["data"]["groups"]
    assert {Path(group["file"]).name for group in groups} == {path.name for path in RULES}


def test_no_request_fails_when_an_api_is_taken_away(scaled: Deployment) -> None:
    fewer = ("up", "--detach", "--no-recreate", "--scale", "api=2", "--scale", "worker=2")
    answers = list[httpx2.Response]()
    with scaled.edge() as edge, ThreadPoolExecutor(1) as pool:
        taking = pool.submit(scaled.compose, *fewer, profiles="edge")
        while not taking.done():
            answers.append(edge.get("/hello/Zoe"))
        taking.result()
    assert len(scaled.ids("api")) == 2
    assert answers
    assert [answer.text for answer in answers if answer.status_code != 200] == []


def test_nothing_is_lost_when_an_api_and_a_worker_are_killed(
    engine: docker.DockerClient, scaled: Deployment
) -> None:
    names = [f"order-{number}" for number in range(TASKS)]
    third, half = TASKS // 3, TASKS // 2
    with scaled.edge() as edge:
        edge.headers = bearer(sign_up(edge, "eve"))
        _accepted(edge, names[:third])
        held = _kill_busy_worker(scaled, edge)
        edge.delete("/tasks/gate").raise_for_status()
        _accepted(edge, names[third:half])
        engine.containers.get(scaled.ids("api")[0]).kill()
        _accepted(edge, names[half:])
        assert eventually(lambda: _results(edge) == {name: {"of": name} for name in names})
        assert eventually(lambda: _json(edge, f"/tasks/{held}").get("status") == "succeeded")
    # More than one where a worker stood still for longer than its lease.
    assert int(scaled.query(f"SELECT crashes FROM jobs WHERE task_id = '{held}'")) >= 1


def test_down_leaves_nothing(engine: docker.DockerClient, scaled: Deployment) -> None:
    scaled.compose("down", "--volumes", "--timeout", "5")
    label = {"label": f"com.docker.compose.project={scaled.name}"}
    assert engine.containers.list(all=True, filters=label) == []
    assert engine.volumes.list(filters=label) == []
    assert engine.networks.list(filters=label) == []


def _up(prometheus: httpx2.Client) -> dict[str, int]:
    """How many targets of each job answer; exporters that have no image here are left out."""
    reply = _json(prometheus, "/api/v1/query?query=sum by (job) (up) > 0")
    found = reply.get("data", {}).get("result", ())
    return {series["metric"]["job"]: int(series["value"][1]) for series in found}


def _is_ready(client: httpx2.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx2.HTTPError:
        return False


def _get(url: str, **options: Any) -> httpx2.Response:
    return httpx2.get(url, timeout=ANSWER_S, **options)


def _json(client: httpx2.Client, path: str) -> dict[str, Any]:
    """The body of the reply; empty if there is none, or one of an error."""
    try:
        answer = client.get(path)
    except httpx2.HTTPError:
        return {}
    return answer.json() if answer.status_code == 200 else {}


def _kill_busy_worker(scaled: Deployment, edge: httpx2.Client) -> str:
    """Kill a worker while it runs a task, which waits for a gate of next year; the task's name.

    A busy machine may take longer to kill the worker than the task waits: then another one is
    started.
    """
    next_year = datetime.now(UTC) + timedelta(days=365)
    gate = {"task_id": "gate", "data": {}, "run_at": next_year.isoformat()}
    edge.post("/tasks", json=gate).raise_for_status()
    authorization = {"Authorization": edge.headers["Authorization"]}
    call = {"method": "GET", "url": "http://api:8000/tasks/gate?wait=9", "headers": authorization}
    for name in (f"held-{number}" for number in range(TRIES)):
        held = {"task_id": name, "kind": "http.request", "data": call}
        edge.post("/tasks", json=held).raise_for_status()
        host = eventually(partial(scaled.query, f"{RUNS_ON} '{name}'"))
        assert host, name
        if host != ENDED and _dies_with(scaled, host, name):
            return name
    raise AssertionError(f"no worker was killed while it ran one of {TRIES} tasks")


def _dies_with(scaled: Deployment, host: str, task: str) -> bool:
    """Kill the worker; if the task had ended before, start it again."""
    worker = scaled.engine.containers.get(host)
    worker.kill()
    died = scaled.query(f"{LOST_WORKER} '{task}'") == "t"
    if not died:
        worker.start()
    return died


def _accepted(edge: httpx2.Client, names: Sequence[str]) -> None:
    """Ask for each until it is accepted; the same name is the same task, even if asked twice."""
    for name in names:
        assert eventually(partial(_is_accepted, edge, name)), name


def _is_accepted(edge: httpx2.Client, name: str) -> bool:
    body = {"task_id": name, "kind": "echo", "data": {"of": name}}
    try:
        return edge.post("/tasks", json=body).status_code in {200, 202}
    except httpx2.HTTPError:
        return False


def _results(edge: httpx2.Client) -> dict[str, Any]:
    """The results of the echo tasks that succeeded."""
    page = _json(edge, "/tasks?limit=100&kind=echo").get("items", ())
    return {task["task_id"]: task["result"] for task in page if task["result"]}
