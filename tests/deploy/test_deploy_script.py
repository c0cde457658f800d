"""deploy/compose/deploy.sh against an SSH server, in order: a first version, two bad ones, down."""

import io
import os
import re
import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx2
import pytest

from tests import images
from tests.deploy.commands import execute
from tests.deploy.compose import ANSWER_S, COMMAND_S
from tests.deploy.conftest import ROOT, START_S, eventually
from tests.support.running import free_port

SSHD, SSHD_IMAGE = ROOT / "tests/deploy/sshd", "localhost/jubilee-sshd:test"
PLUGINS = [
    Path("/usr/local/lib/docker/cli-plugins"),
    Path("/usr/libexec/docker/cli-plugins"),
    Path("/usr/lib/docker/cli-plugins"),
]
BROKEN = """
FROM {image}
USER 0:0
RUN cd /opt/jubilee/bin && mv jubilee real \
 && printf '%s\\n' '#!/bin/sh' \
      '[ "$1" != {command} ] || {{ echo "{command} is broken" >&2; exit 1; }}' \
      'exec real "$@"' >jubilee \
 && chmod 755 jubilee
USER 1001:1001
"""


@dataclass(frozen=True, slots=True)
class Host:
    """A host that `deploy.sh` reaches, whose containers are this engine's."""

    project: str
    folder: Path
    key: Path
    ssh_port: int
    api_port: int

    def deploy(self, image: str) -> tuple[int, str]:
        """Return the exit code and what was said."""
        options = f"-i {self.key} -p {self.ssh_port} -o LogLevel=ERROR"
        options += " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        env = {"SSH_OPTIONS": options, "HEALTHY_WITHIN_S": str(int(START_S))}
        ended = subprocess.run(
            (ROOT / "deploy/compose/deploy.sh", "root@127.0.0.1", image, str(self.folder)),
            env=os.environ | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        return ended.returncode, ended.stdout

    def containers(self, engine: docker.DockerClient, service: str) -> list[Any]:
        """Those of a service."""
        labels = [f"com.docker.compose.project={self.project}"]
        labels.append(f"com.docker.compose.service={service}")
        found: list[Any] = engine.containers.list(all=True, filters={"label": labels})
        return found

    def is_ready(self) -> bool:
        """Whether the API is."""
        try:
            url = f"http://127.0.0.1:{self.api_port}/health/ready"
            return httpx2.get(url, timeout=ANSWER_S).status_code == 200
        except httpx2.HTTPError:
            return False


@pytest.fixture(scope="module")
def host(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """An SSH server on loopback that has `docker` and reaches the engine."""
    program, plugins = shutil.which("docker"), [path for path in PLUGINS if path.is_dir()]
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    if program is None or not plugins or shutil.which("ssh") is None or "://" in address:
        pytest.skip("it takes ssh, docker with its compose plugin and a local engine")
    at = tmp_path_factory.mktemp("host")
    made = Host(
        f"jubilee-{secrets.token_hex(4)}", at / "jubilee", at / "user", free_port(), free_port()
    )
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(made.key)), check=True)
    made.folder.mkdir()
    (made.folder / "host.env").write_text(
        f"COMPOSE_PROJECT_NAME={made.project}\nJUBILEE_PORT={made.api_port}\n"
    )
    images.build(engine, SSHD_IMAGE, path=str(SSHD), dockerfile="Containerfile")
    mounts = [
        f"{address}:/var/run/docker.sock",
        f"{program}:/usr/local/bin/docker:ro",
        f"{plugins[0]}:/usr/local/lib/docker/cli-plugins:ro",
        f"{at}:{at}",
        f"{at}:/keys:ro",
    ]
    server = engine.containers.run(
        SSHD_IMAGE,
        name=f"{made.project}-sshd",
        detach=True,
        volumes=mounts,
        ports={"22/tcp": ("127.0.0.1", made.ssh_port)},
    )
    try:
        assert eventually(lambda: _listens(made.ssh_port))
        yield made
    finally:
        _down(made, server)
        server.remove(force=True)


@pytest.fixture(scope="module")
def broken(engine: docker.DockerClient, image: str) -> Iterator[Callable[[str], str]]:
    """An image like the good one, of which one command fails."""
    made = []

    def build(command: str) -> str:
        text = BROKEN.format(image=image, command=command)
        tag = f"localhost/jubilee:broken-{command}"
        images.build(engine, tag, fileobj=io.BytesIO(text.encode()))
        made.append(tag)
        return tag

    yield build
    for tag in made:
        images.remove(engine, tag, force=True)


@pytest.fixture(scope="module")
def deployed(host: Host, image: str) -> Host:
    """The host with a version in service."""
    code, said = host.deploy(image)
    assert code == 0, said
    assert said.endswith(f"release.sh: in service: {image}\n")
    return host


def test_a_good_version_is_in_service(deployed: Host) -> None:
    assert eventually(deployed.is_ready)
    in_service = (deployed.folder / "current/image.env").read_text()
    assert re.search(r"^JUBILEE_FILES=[0-9a-f]{12}$", in_service, re.MULTILINE)


def test_a_version_whose_api_fails_never_replaces_the_one_in_service(
    engine: docker.DockerClient, deployed: Host, broken: Callable[[str], str], image: str
) -> None:
    before = [found.id for found in deployed.containers(engine, "api")]
    code, said = deployed.deploy(broken("api"))
    assert code == 1
    assert "api is broken" in said
    assert "a first API of it does not become healthy" in said
    assert said.endswith(f"in service as before: {image}\n")
    assert [found.id for found in deployed.containers(engine, "api")] == before
    assert deployed.is_ready()


def test_a_version_whose_worker_fails_is_rolled_back(
    engine: docker.DockerClient, deployed: Host, broken: Callable[[str], str], image: str
) -> None:
    code, said = deployed.deploy(broken("worker"))
    assert code == 1
    assert "worker is broken" in said
    assert "it does not become healthy" in said
    assert said.endswith(f"in service as before: {image}\n")
    for service in ("api", "worker"):
        (found,) = deployed.containers(engine, service)
        assert image in found.image.tags
        assert found.status == "running"
    assert deployed.is_ready()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as server:
            return server.recv(4) == b"SSH-"
    except OSError:
        return False


def _down(host: Host, server: Any) -> None:
    current = f"{host.folder}/current"
    files = f"--env-file {host.folder}/host.env --file {current}/compose/compose.yaml"
    line = f"docker compose {files} down --volumes --timeout 5 --remove-orphans"
    code, said = execute(server, "sh", "-c", line)
    assert code == 0, said
