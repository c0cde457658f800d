"""One process of a fleet, and how to harm it."""

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from jubilee.adapters.embedded.process import Program, spawn
from tests.support import forked
from tests.support.running import Process
from tests.system.chaos.proxy import Proxy

STARTED = "waiting for jobs"


@dataclass(eq=False)
class Member:
    """A process; `wanted` tells whether it should run, `codes` are its exit codes."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    at: Path
    proxy: Proxy
    is_worker: bool
    wanted: bool = True
    codes: list[int] = field(default_factory=list)
    _process: Process | None = None

    @property
    def text(self) -> str:
        """The output of all its runs."""
        return self._log.read_text(errors="replace")

    @property
    def url(self) -> str:
        """The base URL of an API."""
        return f"http://127.0.0.1:{self.env['PORT']}"

    @property
    def pid(self) -> int:
        """The process id, 0 while it does not run."""
        return self._process.pid if self._process is not None and self._runs() else 0

    def start(self) -> None:
        """Start the process without waiting for it."""
        env = {name: value for name, value in self.env.items() if name != "PYTHONPATH"}
        if forked.can_fork(self.argv, env, self.at):
            with Path(os.devnull).open("rb") as nothing, self._log.open("ab") as log:
                self._seen = log.tell()
                self._process = forked.start(self.argv, env, self.at, nothing, log, log)
        else:
            self._process = spawn(Program(self.argv, self.env, folder=self.at, output=self._log))
            self._seen = self._log.stat().st_size

    def is_ready(self) -> bool:
        """Return whether it is ready."""
        if self.is_worker:
            return self._runs() and STARTED in self.text[self._seen :]
        try:
            return httpx2.get(f"{self.url}/health/ready", timeout=5).status_code == 200
        except httpx2.HTTPError:
            return False

    def restart_ended(self) -> None:
        """Restart the process if it has ended."""
        if self._process is not None and not self._runs():
            self.codes.append(self._process.wait())
            self._process = None
        if self.wanted and self._process is None:
            self.start()

    def send(self, number: signal.Signals) -> None:
        """Send the signal if the process runs."""
        if self._process is not None and self._runs():
            self._process.send_signal(number)

    def stop(self, within: float) -> float:
        """Send SIGTERM; return the seconds until the end, and append the exit code."""
        self.wanted, began = False, time.monotonic()
        self.send(signal.SIGTERM)
        if self._process is not None:
            self.codes.append(self._process.wait(within))
        self._process = None
        return time.monotonic() - began

    def end(self) -> None:
        """Kill the process if it runs."""
        self.wanted = False
        self.send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        self.proxy.close()

    def _runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def _log(self) -> Path:
        return self.at / f"{self.name}.log"
