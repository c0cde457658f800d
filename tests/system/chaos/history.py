"""The history of requests and answers, in an append-only file."""

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID


@dataclass(frozen=True, slots=True)
class TaskHistory:
    """The tasks by outcome; `unknown` ones were requested and never acknowledged."""

    acknowledged: dict[str, UUID] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)


class History:
    """Lines written before and after every request, by any thread."""

    def __init__(self, path: Path) -> None:
        """Create the file."""
        self.path = path
        self._file = path.open("x", buffering=1)
        self._lock = threading.Lock()

    def invoke(self, task_id: str, kind: str) -> None:
        """Record that a request is about to be sent."""
        self._note("invoke", task_id=task_id, kind=kind)

    def ok(self, task_id: str, job_id: str) -> None:
        """Record the acknowledgement."""
        self._note("ok", task_id=task_id, id=job_id)

    def info(self, task_id: str, why: str) -> None:
        """Record an unknown outcome."""
        self._note("info", task_id=task_id, why=why)

    def read(self) -> TaskHistory:
        """Read the history from the file."""
        tasks = TaskHistory()
        for line in self.path.read_text().splitlines():
            entry = json.loads(line)
            task_id = entry["task_id"]
            if entry["what"] == "ok":
                tasks.acknowledged[task_id] = UUID(entry["id"])
                tasks.unknown.discard(task_id)
            elif task_id not in tasks.acknowledged:
                tasks.unknown.add(task_id)
        return tasks

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _note(self, what: str, **more: str) -> None:
        with self._lock:
            self._file.write(json.dumps({"at": time.time(), "what": what, **more}) + "\n")
