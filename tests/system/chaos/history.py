"""What was asked for and what was answered, in a file that only ever grows."""

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Told:
    """All that is known of the tasks: `unknown` ones were asked for, but never acknowledged."""

    acknowledged: dict[str, UUID] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)


class History:
    """Written before and after every request, line by line; any thread may."""

    def __init__(self, path: Path) -> None:
        """The file is new."""
        self.path = path
        self._file = path.open("x", buffering=1)
        self._lock = threading.Lock()

    def invoke(self, task_id: str, kind: str) -> None:
        """It is about to be asked for, for the first time or again."""
        self._note("invoke", task_id=task_id, kind=kind)

    def ok(self, task_id: str, job_id: str) -> None:
        """It was acknowledged."""
        self._note("ok", task_id=task_id, id=job_id)

    def info(self, task_id: str, why: str) -> None:
        """Nobody knows whether it was kept."""
        self._note("info", task_id=task_id, why=why)

    def read(self) -> Told:
        """From the file."""
        told = Told()
        for line in self.path.read_text().splitlines():
            entry = json.loads(line)
            task_id = entry["task_id"]
            if entry["what"] == "ok":
                told.acknowledged[task_id] = UUID(entry["id"])
                told.unknown.discard(task_id)
            elif task_id not in told.acknowledged:
                told.unknown.add(task_id)
        return told

    def close(self) -> None:
        """No more is written."""
        self._file.close()

    def _note(self, what: str, **more: str) -> None:
        with self._lock:
            self._file.write(json.dumps({"at": time.time(), "what": what, **more}) + "\n")
