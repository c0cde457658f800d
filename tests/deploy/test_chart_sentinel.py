"""deploy/chart: three servers of Redis with their Sentinels, as the StatefulSet starts them."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import APIError
from docker.types import EndpointConfig, IPAMConfig, IPAMPool

from tests.deploy.chart import Object, releases
from tests.deploy.commands import execute
from tests.deploy.conftest import eventually

NAMES = tuple(f"jubilee-redis-{number}" for number in range(3))
PASSWORD = "Zq7mXw9"
API_VERSION = "1.40"
ASK = 'REDISCLI_AUTH="$(cat /run/secrets/REDIS_PASSWORD)" timeout 3 redis-cli '


@dataclass(frozen=True, slots=True)
class Pods:
    """The containers of each pod: the server and its Sentinel, in one network namespace."""

    servers: dict[str, Any]
    sentinels: dict[str, Any]

    def ask(self, name: str, command: str) -> str:
        """Return what a server answers; empty if it does not."""
        try:
            code, said = execute(self.servers[name], "/bin/sh", "-c", ASK + command)
        except APIError:
            return ""  # the container does not run
        return said if code == 0 else ""

    def masters(self) -> list[str]:
        """Return the names of the servers that are masters."""
        return [name for name in NAMES if self.ask(name, "role").startswith("master")]

    def has_replicas(self, name: str, count: int) -> bool:
        """Return whether so many replicas are connected to the server."""
        return f"connected_slaves:{count}\r" in self.ask(name, "info replication")

    def sees_others(self, name: str) -> bool:
        """Return whether the Sentinel knows the master, both replicas and both Sentinels."""
        said = self.ask(name, "-p 26379 info sentinel")
        return "status=ok" in said and "slaves=2,sentinels=3" in said

    def kill(self, name: str) -> None:
        """Kill all of a pod."""
        self.sentinels[name].kill()
        self.servers[name].kill()

    def start(self, name: str) -> None:
        """Start it again, at its address of before, which in a cluster is its Service's."""
        self.servers[name].start()
        self.sentinels[name].start()


@pytest.fixture
def redis_pods(engine: docker.DockerClient, tmp_path: Path) -> Iterator[Pods]:
    """Start the containers of the value set `sentinel`, each pod at an address of its own."""
    _write_files(tmp_path)
    prefix, name = f"10.213.{secrets.randbelow(256)}", f"jubilee-{secrets.token_hex(4)}"
    pool = IPAMConfig(pool_configs=[IPAMPool(subnet=f"{prefix}.0/24")])
    network, pods = engine.networks.create(name, ipam=pool), Pods({}, {})
    try:
        addresses = {pod: f"{prefix}.{end}" for end, pod in enumerate(NAMES, 10)}
        for pod, address in addresses.items():
            server, sentinel = (_options(each, pod, tmp_path) for each in _containers())
            end = {name: EndpointConfig(API_VERSION, ipv4_address=address)}
            made = pods.servers[pod] = engine.containers.create(
                network=name, networking_config=end, extra_hosts=addresses, **server
            )
            shared = f"container:{made.id}"
            beside = engine.containers.create(network_mode=shared, **sentinel)
            pods.sentinels[pod] = beside
            pods.start(pod)
        yield pods
    finally:
        for container in (*pods.sentinels.values(), *pods.servers.values()):
            container.remove(force=True, v=True)
        network.remove()


def _write_files(folder: Path) -> None:
    """Write scripts and password, and make a folder of data for each server."""
    (folder / "REDIS_PASSWORD").write_text(PASSWORD)
    for name in (*NAMES, "scripts"):
        (folder / name).mkdir()
        (folder / name).chmod(0o777)  # the user of the containers is another
    scripts = releases()["sentinel"].one("ConfigMap", "jubilee-redis")["data"]
    for name, text in scripts.items():
        (folder / "scripts" / name).write_text(text)


def _containers() -> Sequence[Object]:
    spec = releases()["sentinel"].one("StatefulSet", "jubilee-redis")["spec"]
    found: Sequence[Object] = spec["template"]["spec"]["containers"]
    return found


def _options(container: Object, name: str, folder: Path) -> dict[str, Any]:
    """Run it as the pod does: the same user, nothing writable but its volumes, no privilege."""
    given = {each["name"]: each.get("value", name) for each in container["env"]}
    return {
        "image": container["image"],
        "entrypoint": container["command"],
        "command": [],
        "environment": given,
        "user": "999:999",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "tmpfs": {"/tmp": ""},
        "volumes": {
            str(folder / "scripts"): {"bind": "/scripts", "mode": "ro"},
            str(folder / name): {"bind": "/data", "mode": "rw"},
            str(folder / "REDIS_PASSWORD"): {"bind": "/run/secrets/REDIS_PASSWORD", "mode": "ro"},
        },
    }


def test_another_server_becomes_the_master_and_the_old_one_its_replica(redis_pods: Pods) -> None:
    pods, (first, *others) = redis_pods, NAMES
    assert eventually(lambda: pods.has_replicas(first, 2))
    assert eventually(lambda: all(map(pods.sees_others, NAMES)))
    assert pods.masters() == [first]
    assert pods.ask(first, "set greeting hello") == "OK\n"
    assert eventually(lambda: pods.ask(others[1], "get greeting") == "hello\n")
    pods.kill(first)
    assert eventually(lambda: len(_masters(pods, others)) == 1)
    (elected,) = _masters(pods, others)
    assert pods.ask(elected, "get greeting") == "hello\n"
    pods.start(first)
    assert eventually(lambda: pods.has_replicas(elected, 2))
    assert pods.masters() == [elected]


def _masters(pods: Pods, names: list[str]) -> list[str]:
    return [name for name in names if pods.ask(name, "role").startswith("master")]
