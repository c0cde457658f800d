"""One of several processes under a parent, across its restarts."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION
from jubilee.entrypoints.local.child_process import ChildProcess
from jubilee.entrypoints.local.restarts import RestartPolicy
from jubilee.entrypoints.processes.slot import ProcessSlot

MAX_STARTS = 5
"""Starts in a row without a heartbeat; with the delays between them they take some 15 seconds."""

SIGNALLED = 128  # plus the number of the signal: the exit code that shells report

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Member:
    """A process of the group; it is alive from its first heartbeat on."""

    slot: ProcessSlot
    spawn: Callable[[ProcessSlot], ChildProcess]
    process: ChildProcess | None = None
    restarts: RestartPolicy = field(init=False)
    _starts: int = field(default=0, init=False)
    """Starts in a row without a heartbeat."""

    def __post_init__(self) -> None:
        self.restarts = RestartPolicy(f"process {self.slot.number}", self._start, self.exit_code)

    def exit_code(self) -> int | None:
        """Return the exit code, None while the process runs."""
        code = self.process.poll() if self.process else None
        return code if code is None or code >= 0 else SIGNALLED - code

    def check(self) -> None:
        """Start the process again if it has ended and its delay is over."""
        if not self.refusal():
            self.restarts.check(self._log_restart)

    def refusal(self) -> int:
        """Return the exit code after which this process is not started again; else 0."""
        if self.slot.heartbeat.path.exists():
            self._starts = 0
        code = self.exit_code()
        is_failing = code is not None and self._starts >= MAX_STARTS
        return (code or 1) if is_failing or code == BAD_CONFIGURATION else 0

    @property
    def is_running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self.process is not None and self.exit_code() is None

    def terminate(self) -> None:
        """Ask the process to end."""
        if self.process:
            self.process.terminate()

    def kill(self) -> None:
        """End the process at once, and wait until it has ended."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def _start(self) -> None:
        self.slot.heartbeat.remove()
        self._starts += 1
        if self.process is not None:
            self.slot = replace(self.slot, restarts=self.slot.restarts + 1)
        self.process = self.spawn(self.slot)

    def _log_restart(self, reason: str, delay_s: float) -> None:
        extra = {"child": self.slot.number, "cause": reason, "again_in": delay_s}
        logger.warning("process will be started again", extra=extra)
