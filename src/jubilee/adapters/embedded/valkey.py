"""Valkey, which speaks Redis' protocol, on a unix socket, its data in a folder."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from jubilee.adapters.embedded import sockets
from jubilee.adapters.embedded.errors import ServerFailed
from jubilee.adapters.embedded.process import Pause, Program, end, last_line, spawn
from jubilee.adapters.embedded.wheels import valkey_program

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
OWNER_ONLY = 0o077  # as a umask
SETTINGS = (
    *("--port", "0"),
    *("--unixsocketperm", "700"),
    *("--appendonly", "yes"),
    *("--appendfsync", "everysec"),
    *("--save", ""),
    *("--maxmemory-policy", "noeviction"),
    *("--daemonize", "no"),
)


class EmbeddedValkey:
    """One Valkey server; `start` returns when it answers, `stop` when it is gone."""

    name = "Valkey"

    def __init__(self, data_dir: Path, folder: Path) -> None:
        """Keep data under `data_dir`, the socket in `folder`."""
        self._data = data_dir / "valkey"
        self._folder = folder
        self._socket = folder / "redis.sock"
        self._log = data_dir / "log" / "valkey.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{quote(str(self._socket))}"

    @property
    def where(self) -> str:
        """Where it listens and where its data are, for people."""
        return f"{self._socket} (data in {self._data})"

    @property
    def pid(self) -> int | None:
        """Its process id, None when it was not started."""
        return self._process.pid if self._process else None

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else None

    def start(self, pause: Pause = time.sleep) -> None:
        """Run; raises ServerFailed."""
        try:
            self._start(pause)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it: what it holds is on disk, the socket goes."""
        if self._process is not None:
            end(self._process, signal.SIGTERM, within=STOP_TIMEOUT_S)
            self._socket.unlink(missing_ok=True)
        sockets.remove_empty(self._folder)

    def _start(self, pause: Pause) -> None:
        argv = (str(valkey_program()), *SETTINGS, "--unixsocket", str(self._socket))
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        sockets.make_private(self._folder)
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._data.rglob("*"):  # written before it had a umask of its own
            path.chmod(path.stat().st_mode & ~OWNER_ONLY)
        self._socket.unlink(missing_ok=True)
        self._process = spawn(
            Program(argv, env, folder=self._data, output=self._log, umask=OWNER_ONLY)
        )
        self._await_ready(pause)

    def _await_ready(self, pause: Pause) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self.exit_code() is not None:
                raise ServerFailed(f"Valkey did not start: {last_line(self._log)}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"Valkey is not ready after {START_TIMEOUT_S:.0f} s")
            pause(0.02)

    def _answers(self) -> bool:
        """Whether PING gets its PONG; while it loads its data it says so instead."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False
