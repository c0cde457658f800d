"""Redis servers of a test's own on TCP ports: alone, or a master with a replica and Sentinels."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from jubilee.adapters.embedded.process import Program, end, spawn
from jubilee.adapters.embedded.wheels import valkey_program
from tests.support.running import eventually, free_port

PASSWORD, SENTINEL_PASSWORD = "master-Zq7", "sentinel-Xw9"
MASTER = "jubilee"
OTHERS = 2  # Sentinels that each one sees
LOGIN = ("--requirepass", PASSWORD, "--masterauth", PASSWORD)


class RedisServer:
    """One process, started at once; a Sentinel if it is given a configuration."""

    def __init__(self, folder: Path, *options: str, sentinel: str = "") -> None:
        self.port = free_port()
        folder.mkdir(exist_ok=True)
        place = ("--port", str(self.port), "--dir", str(folder), "--save", "")
        argv = (str(valkey_program()), *place, *options)
        if sentinel:
            file = folder / f"{self.port}.conf"
            file.write_text(f"port {self.port}\n{sentinel}")
            argv = (str(valkey_program()), str(file), "--sentinel")
        self._password = PASSWORD if PASSWORD in options else None
        if SENTINEL_PASSWORD in sentinel:
            self._password = SENTINEL_PASSWORD
        self.log = folder / f"{self.port}.log"
        self._program = Program(argv, folder=folder, output=self.log)
        self._process = spawn(self._program)

    @property
    def url(self) -> str:
        """Without a login."""
        return f"redis://127.0.0.1:{self.port}/0"

    def ask(self, *command: str | int) -> Any:
        """Return the reply to one command, after a login where there is one."""
        with Redis(port=self.port, password=self._password, socket_timeout=30) as client:
            return client.execute_command(*command)

    def ready(self) -> "RedisServer":
        """Return it once it answers."""
        if not eventually(lambda: replied(self, "PING")):
            self.kill()
            raise AssertionError(f"Redis does not answer at port {self.port}")
        return self

    def start_again(self) -> "RedisServer":
        """Start it at the same port after `kill`, without its data; return it once it answers."""
        self._process = spawn(self._program)
        return self.ready()

    def kill(self) -> None:
        """End it as a crash does."""
        end(self._process, signal.SIGKILL, within=30)


class SentinelGroup:
    """A master, its replica and three Sentinels, each with a password."""

    def __init__(self, folder: Path, down_after_s: int) -> None:
        self.master = RedisServer(folder / "master", *LOGIN).ready()
        follows = ("--replicaof", f"127.0.0.1 {self.master.port}")
        self.replica = RedisServer(folder / "replica", *LOGIN, *follows).ready()
        watching = (
            f"requirepass {SENTINEL_PASSWORD}\n"
            f"sentinel sentinel-pass {SENTINEL_PASSWORD}\n"
            f"sentinel monitor {MASTER} 127.0.0.1 {self.master.port} 2\n"
            f"sentinel auth-pass {MASTER} {PASSWORD}\n"
            f"sentinel down-after-milliseconds {MASTER} {down_after_s * 1000}\n"
            f"sentinel failover-timeout {MASTER} 3000\n"
        )
        self.sentinels = [RedisServer(folder / "sentinel", sentinel=watching) for _ in range(3)]
        assert eventually(lambda: all(map(_knows_all, self.sentinels)))

    @property
    def url(self) -> str:
        """The master's, by the addresses of the Sentinels."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return (
            f"redis+sentinel://:{PASSWORD}@{hosts}/{MASTER}/1?sentinel_password={SENTINEL_PASSWORD}"
        )

    def kill(self) -> None:
        """End all of them."""
        for server in (*self.sentinels, self.replica, self.master):
            server.kill()


@contextmanager
def running_group(folder: Path, *, down_after_s: int) -> Iterator[SentinelGroup]:
    """A group that has found itself together, and is ended afterwards.

    Its master is down once it has been silent for `down_after_s` seconds.
    """
    group = SentinelGroup(folder, down_after_s)
    try:
        yield group
    finally:
        group.kill()


def replied(server: RedisServer, *command: str) -> Any:
    """Return the reply, None while the server does not answer or refuses the command."""
    with suppress(RedisError):
        return server.ask(*command)
    return None


def _knows_all(sentinel: RedisServer) -> bool:
    known = replied(sentinel, "SENTINEL MASTER", MASTER) or {}
    return known.get("num-other-sentinels") == OTHERS and known.get("num-slaves") == 1
