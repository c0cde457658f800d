"""`run.json` and the lock: who runs on a data folder, and where its servers are."""

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

# A reader holds the lock for an instant while it looks; an owner keeps it.
LOCK_TIMEOUT_S = 0.5
RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class RunFile:
    """What one running Jubilee tells the other commands; `pids` by part."""

    pid: int
    address: str
    database_url: str | None = None
    redis_url: str | None = None
    pids: Mapping[str, int] = field(default_factory=dict)


def read_run_file(data_dir: Path) -> RunFile | None:
    """What the Jubilee that runs on these data says of itself, None when none runs."""
    try:
        with (data_dir / "lock").open("rb") as lock:
            if _locked(lock.fileno()):
                return None
        return _read(data_dir)
    except FileNotFoundError:
        return None


class DataDirLock:
    """The data folder, taken for one run; it lasts no longer than this process."""

    def __init__(self, data_dir: Path, run: RunFile) -> None:
        """Take the folder, made if it is not there; raises AlreadyRunning."""
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._data_dir = data_dir
        self._run = run
        self._lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take()
        except BaseException:
            os.close(self._lock)
            raise
        self.write({})

    def write(self, pids: Mapping[str, int]) -> None:
        """Say which processes run now."""
        path = self._data_dir / RUN_FILE
        aside = path.with_suffix(".new")
        aside.unlink(missing_ok=True)
        aside.touch(mode=0o600)
        aside.write_text(json.dumps(asdict(replace(self._run, pids=dict(pids))), indent=1))
        aside.replace(path)

    def release(self) -> None:
        """Give the folder back."""
        (self._data_dir / RUN_FILE).unlink(missing_ok=True)
        os.close(self._lock)

    def _take(self) -> None:
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while not _locked(self._lock):
            if time.monotonic() > deadline:
                raise AlreadyRunning(_refusal(self._data_dir))
            time.sleep(0.02)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(data_dir: Path) -> RunFile | None:
    """None where the owner has not written it yet, or it is of another version."""
    with contextlib.suppress(ValueError, TypeError):
        found: dict[str, Any] = json.loads((data_dir / RUN_FILE).read_text())
        return RunFile(**found)
    return None


def _refusal(data_dir: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        if run := _read(data_dir):
            return f"already running on {data_dir}: process {run.pid}, {run.address}"
    return f"already running on {data_dir}"
