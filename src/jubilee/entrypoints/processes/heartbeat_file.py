"""A file whose modification time shows that the event loop of a process runs."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import time

TOUCH_INTERVAL_S = 2.0
MAX_AGE_S = 15.0  # a check that is scheduled late must not take a busy process for a stuck one


@dataclass(frozen=True, slots=True)
class HeartbeatFile:
    """Written by a process, read by `jubilee health worker` and by the parent of several."""

    path: Path

    def create(self) -> None:
        """Create the file; raises OSError."""
        self.path.touch(mode=0o644)

    def touch(self) -> None:
        """Set the time to now; if that fails the file grows old, which the health check reports."""
        with suppress(OSError):
            os.utime(self.path)

    def remove(self) -> None:
        """Remove the file: the process has ended."""
        with suppress(OSError):
            self.path.unlink()

    def problem(self) -> str | None:
        """Return why the process is not healthy; None if it is."""
        try:
            age = time() - self.path.stat().st_mtime
        except OSError as error:
            return f"no heartbeat in {self.path} ({error.strerror})"
        return f"the last heartbeat is {age:.0f} s old" if age > MAX_AGE_S else None
