"""An engine, the image of this checkout, and servers beside it on a network of their own."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fcntl import LOCK_EX, flock
from functools import partial
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.servers import engine_answers
from tests.support import running

ROOT = Path(__file__).parents[2]
IMAGE = "localhost/jubilee:test"
HARDENED: dict[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "tmpfs": {"/tmp": ""},
}
"""How production runs it: nothing is writable but /tmp, and no privilege is left."""

ENGINE_S = 300  # of one answer of the engine, which builds images meanwhile
START_S = 300.0  # containers share the cores with all other tests
eventually = partial(running.eventually, within=START_S)


def build_image(tag: str = IMAGE, **environment: str) -> str:
    """Build by the script that a release uses; the tag."""
    command = [str(ROOT / "deploy/image/build.sh"), tag]
    subprocess.run(command, check=True, env=os.environ | environment, capture_output=True)
    return tag


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The engine that answers at DOCKER_HOST."""
    if not engine_answers():
        pytest.skip("no container engine answers at DOCKER_HOST")
    client = docker.from_env(timeout=ENGINE_S)
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(engine: docker.DockerClient) -> str:
    """The image of this checkout, built by one process of a parallel run at a time."""
    with (ROOT / "Containerfile").open() as locked:
        flock(locked, LOCK_EX)
        return build_image()


@dataclass(slots=True)
class Stack:
    """Containers on one network that is removed with them."""

    engine: docker.DockerClient
    image: str
    name: str = field(default_factory=lambda: f"jubilee-{secrets.token_hex(4)}")
    containers: list[Any] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """The settings of every command of the service."""
        return {
            "DATABASE_URL": f"postgresql://jubilee:jubilee@{self.name}-postgres/jubilee",
            "REDIS_URL": f"redis://{self.name}-redis/0",
            "SECRET_KEY": secrets.token_urlsafe(48),
        }

    def run(self, name: str, image: str, **options: Any) -> Any:
        """Start a container whose host name is the stack's and its own."""
        options.setdefault("network", self.name)
        started = self.engine.containers.run(
            image, name=f"{self.name}-{name}", detach=True, **options
        )
        self.containers.append(started)
        return started

    def command(self, *arguments: str, **options: Any) -> Any:
        """Run a command of the service as production does."""
        environment = self.environment | options.pop("environment", {})
        return self.run(
            arguments[0],
            self.image,
            command=list(arguments),
            environment=environment,
            **HARDENED,
            **options,
        )

    def remove(self) -> None:
        """Leave nothing behind."""
        for container in self.containers:
            container.remove(force=True, v=True)


@contextmanager
def started_stack(engine: docker.DockerClient, image: str) -> Iterator[Stack]:
    """Start PostgreSQL with the schema, and Redis."""
    made = Stack(engine, image)
    network = engine.networks.create(made.name)
    try:
        login = {
            "POSTGRES_USER": "jubilee",
            "POSTGRES_PASSWORD": "jubilee",
            "POSTGRES_DB": "jubilee",
        }
        postgres = made.run(
            "postgres",
            "postgres:17-alpine",
            environment=login,
            tmpfs={"/var/lib/postgresql/data": ""},
        )
        made.run("redis", "redis:8-alpine")
        assert eventually(lambda: listens(postgres), within=START_S), postgres.logs().decode()
        migrate = made.command("migrate")
        assert migrate.wait(timeout=START_S)["StatusCode"] == 0, migrate.logs().decode()
        yield made
    finally:
        made.remove()
        network.remove()


@pytest.fixture(scope="session")
def stack(engine: docker.DockerClient, image: str) -> Iterator[Stack]:
    """PostgreSQL with the schema, and Redis."""
    with started_stack(engine, image) as started:
        yield started


def listens(postgres: Any) -> bool:
    """Return whether it does by TCP: while it makes its data, it listens on its socket alone."""
    code, _ = postgres.exec_run(["pg_isready", "--host=127.0.0.1"])
    return bool(code == 0)
