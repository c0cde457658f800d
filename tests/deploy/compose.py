"""A deployment by deploy/compose, as `docker compose` starts it."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx2

from tests.deploy.commands import execute

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy/compose/compose.yaml"
PROMETHEUS = ROOT / "tests/deploy/prometheus"
COMMAND_S = 900  # images are built in it
ANSWER_S = 60.0
SERVICES = {"secrets", "postgres", "pgbouncer", "redis", "migrate", "api", "worker"}


@dataclass(frozen=True, slots=True)
class Deployment:
    """One project, published on free ports of this machine."""

    name: str
    env: Mapping[str, str]
    engine: docker.DockerClient

    def compose(self, *arguments: str, profiles: str = "edge,monitoring") -> str:
        """Run `docker compose` on it; its output. Raises AssertionError with what it said."""
        files = ("--file", str(FILE), "--file", str(PROMETHEUS / "compose.yaml"))
        ended = subprocess.run(
            ("docker", "compose", *files, "--project-name", self.name, *arguments),
            env={**os.environ, **self.env, "COMPOSE_PROFILES": profiles},
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def containers(self) -> list[dict[str, Any]]:
        """All of them, as `docker compose ps` describes them."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return [json.loads(line) for line in lines]

    def execute(self, service: str, *command: str) -> str:
        """Run a command in the first container of the service; its output."""
        code, output = execute(self.engine.containers.get(self.ids(service)[0]), *command)
        assert code == 0, output
        return output

    def query(self, sql: str) -> str:
        """Run a query as PostgreSQL's superuser; the first column of its rows."""
        command = ("psql", "--username=postgres", "--dbname=jubilee", "-Atc", sql)
        return self.execute("postgres", *command).strip()

    def ids(self, service: str) -> list[str]:
        """The containers of a service that run."""
        return self.compose("ps", "--quiet", service).split()

    def addresses(self, service: str, port: int) -> list[str]:
        """Where each container of the service is reached from this machine."""
        return [
            f"127.0.0.1:{published['PublishedPort']}"
            for container in self.containers()
            if container["Service"] == service
            for published in container["Publishers"]
            if published["TargetPort"] == port and published["PublishedPort"]
        ]

    def api(self) -> httpx2.Client:
        """A client of the first API, without the proxy."""
        address = self.addresses("api", 8000)[0]
        return httpx2.Client(base_url=f"http://{address}", timeout=ANSWER_S)

    def edge(self) -> httpx2.Client:
        """A client of the proxy, whose certificate is its own."""
        (address,) = self.addresses("haproxy", 8443)
        return httpx2.Client(base_url=f"https://{address}", timeout=ANSWER_S, verify=False)
