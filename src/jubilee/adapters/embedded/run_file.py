"""The lock of a data folder, and `run.json`, which lists the processes and servers of its run."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from jubilee.adapters.embedded.errors import AlreadyRunning

LOCK_TIMEOUT_S = 0.5  # readers of the run file hold the lock for a moment
POLL_INTERVAL_S = 0.02
RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class RunFile:
    """What other commands read about a running `jubilee up`; `pids` maps names to process ids."""

    pid: int
    address: str
    database_url: str | None = None
    redis_url: str | None = None
    pids: Mapping[str, int] = field(default_factory=dict)


def read_run_file(data_dir: Path) -> RunFile | None:
    """Return the run file of the `jubilee up` that runs on this data folder; None without one."""
    try:
        with (data_dir / "lock").open("rb") as lock:
            if _try_lock(lock.fileno()):
                return None
        return _read(data_dir)
    except FileNotFoundError:
        return None


class DataDirLock:
    """The exclusive lock of a data folder; the kernel releases it when this process ends."""

    def __init__(self, data_dir: Path, run: RunFile) -> None:
        """Lock the folder, created if it is missing; raises AlreadyRunning."""
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._data_dir = data_dir
        self._run = run
        self._lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._acquire()
        except BaseException:
            os.close(self._lock)
            raise
        self.write({})

    def write(self, pids: Mapping[str, int]) -> None:
        """Replace the run file: these processes run now."""
        path = self._data_dir / RUN_FILE
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(replace(self._run, pids=dict(pids))), indent=1))
        draft.replace(path)

    def release(self) -> None:
        """Remove the run file and release the lock."""
        (self._data_dir / RUN_FILE).unlink(missing_ok=True)
        os.close(self._lock)

    def _acquire(self) -> None:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while not _try_lock(self._lock):
            if time.monotonic() > deadline:
                raise AlreadyRunning(_refusal(self._data_dir))
            time.sleep(POLL_INTERVAL_S)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(data_dir: Path) -> RunFile | None:
    """Return None if the file is not written yet, or was written by another version."""
    with contextlib.suppress(ValueError, TypeError):
        found: dict[str, Any] = json.loads((data_dir / RUN_FILE).read_text())
        return RunFile(**found)
    return None


def _refusal(data_dir: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        if run := _read(data_dir):
            return f"already running on {data_dir}: process {run.pid}, {run.address}"
    return f"already running on {data_dir}"
