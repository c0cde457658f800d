"""An embedded Valkey server, compatible with Redis, on a Unix socket, with its data in a folder."""

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
PING_TIMEOUT_S = 1.0
POLL_INTERVAL_S = 0.02
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
    """A Valkey server; `start` returns when it accepts commands, `stop` when it has ended."""

    name = "Valkey"

    def __init__(self, data_dir: Path, folder: Path) -> None:
        """Data are under `data_dir`, the socket is in `folder`."""
        self._data = data_dir / "valkey"
        self._folder = folder
        self._socket = folder / "redis.sock"
        self._log = data_dir / "log" / "valkey.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{quote(str(self._socket))}"

    @property
    def where(self) -> str:
        """The socket and the data folder, as text for the operator."""
        return f"{self._socket} (data in {self._data})"

    @property
    def pid(self) -> int | None:
        """The process id; None before the start."""
        return self._process.pid if self._process else None

    def exit_code(self) -> int | None:
        """Return the exit code; None while the server runs, and before the start."""
        return self._process.poll() if self._process else None

    def start(self, pause: Pause = time.sleep) -> None:
        """Start the server; raises ServerFailed."""
        try:
            self._start(pause)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, which writes its data to the disk, and remove its socket."""
        if self._process is not None:
            end(self._process, signal.SIGTERM, within=STOP_TIMEOUT_S)
            self._socket.unlink(missing_ok=True)
        sockets.remove_empty(self._folder)

    def _start(self, pause: Pause) -> None:
        argv = (str(valkey_program()), *SETTINGS, "--unixsocket", str(self._socket))
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        sockets.make_private(self._folder)
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._data.rglob("*"):  # files of versions that did not set the umask
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
            pause(POLL_INTERVAL_S)

    def _answers(self) -> bool:
        """Return whether the server answers PING with PONG; while it loads data, with an error."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PING_TIMEOUT_S)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False
