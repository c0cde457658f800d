"""An embedded Valkey server, compatible with Redis, on a Unix socket, with its data in a folder."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from urllib.parse import quote

from jubilee.adapters.embedded import sockets
from jubilee.adapters.embedded.process import Pause, Program, spawn
from jubilee.adapters.embedded.server import EmbeddedServer
from jubilee.adapters.embedded.wheels import valkey_program

PING_TIMEOUT_S = 1.0
PONG = b"+PONG\r\n"
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


class EmbeddedValkey(EmbeddedServer):
    """A Valkey server; `start` returns when it accepts commands, `stop` when it has ended."""

    name = "Valkey"
    start_timeout_s, stop_timeout_s = 60.0, 15.0
    stop_signal = signal.SIGTERM  # the server writes its data to the disk

    def __init__(self, data_dir: Path, folder: Path) -> None:
        """Data are under `data_dir`, the socket is in `folder`."""
        super().__init__(data_dir / "valkey", folder)
        self._socket = folder / "redis.sock"
        self._log = data_dir / "log" / "valkey.log"
        self.url = f"unix://{quote(str(self._socket))}"

    def _launch(self, pause: Pause) -> subprocess.Popen[bytes]:
        del pause  # nothing to wait for
        argv = (str(valkey_program()), *SETTINGS, "--unixsocket", str(self._socket))
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        sockets.make_private(self._folder)
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._data.rglob("*"):  # files of versions that did not set the umask
            path.chmod(path.stat().st_mode & ~OWNER_ONLY)
        self._socket.unlink(missing_ok=True)
        return spawn(Program(argv, env, folder=self._data, output=self._log, umask=OWNER_ONLY))

    def _remove_sockets(self) -> None:
        self._socket.unlink(missing_ok=True)

    def _is_ready(self) -> bool:
        """Return whether the server answers PING with PONG; while it loads data, with an error."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PING_TIMEOUT_S)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(len(PONG)) == PONG
            except OSError:
                return False
