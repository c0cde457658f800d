"""What the embedded servers have in common: one process, a folder of data, a folder of sockets."""

import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from signal import Signals

from jubilee.adapters.embedded import sockets
from jubilee.adapters.embedded.errors import ServerFailed
from jubilee.adapters.embedded.process import Pause, end, last_line

POLL_INTERVAL_S = 0.02


class EmbeddedServer(ABC):
    """A server as a child process; `start` returns when it is ready, `stop` when it has ended."""

    name: str
    start_timeout_s: float
    stop_timeout_s: float
    stop_signal: Signals
    _log: Path

    def __init__(self, data: Path, folder: Path) -> None:
        """`folder` is the private folder of the sockets."""
        self._data = data
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def where(self) -> str:
        """The folders of the socket and the data, as text for the operator."""
        return f"{self._folder} (data in {self._data})"

    @property
    def pid(self) -> int | None:
        """The process id; None before the start."""
        return self._process.pid if self._process else None

    def exit_code(self) -> int | None:
        """Return the exit code; None while the server runs, and before the start."""
        return self._process.poll() if self._process else None

    def start(self, pause: Pause = time.sleep) -> None:
        """Start the server, after creating its data if there are none; raises ServerFailed."""
        try:
            self._process = self._launch(pause)
            self._await_ready(pause)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and remove its socket."""
        if self._process is not None:
            end(self._process, self.stop_signal, within=self.stop_timeout_s)
            self._remove_sockets()
        sockets.remove_empty(self._folder)

    @abstractmethod
    def _launch(self, pause: Pause) -> "subprocess.Popen[bytes]":
        """Prepare the folders and start the process."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Return whether the server accepts connections."""

    @abstractmethod
    def _remove_sockets(self) -> None:
        """Remove what a server leaves in the folder of sockets."""

    def _await_ready(self, pause: Pause) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        while not self._is_ready():
            if self.exit_code() is not None:
                raise ServerFailed(f"{self.name} did not start: {last_line(self._log)}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} is not ready after {self.start_timeout_s:.0f} s")
            pause(POLL_INTERVAL_S)
