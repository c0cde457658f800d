"""Starts `jubilee worker` for real."""

from contextlib import ExitStack
from pathlib import Path

from tests.support.api import COMMAND
from tests.support.running import PATIENT, QUICK_HASH, Up, eventually, free_port


class Workers:
    """Starts workers of either version."""

    def __init__(self, at: Path, ends: ExitStack, env: dict[str, str]) -> None:
        self._at, self._ends, self._env = at, ends, env

    def __call__(self, **env: str) -> Up:
        """Start one; it waits for jobs when this returns."""
        env = {**QUICK_HASH, **PATIENT, **self._env, **env, "WORKER_METRICS_PORT": str(free_port())}
        worker = Up(self._at / "data", self._at, (*COMMAND, "worker"), **env)
        self._ends.callback(worker.end)
        assert eventually(lambda: "waiting for jobs" in worker.output), worker.output
        return worker


def stop(process: Up) -> None:
    """End it in good order."""
    process.process.terminate()
    assert process.process.wait(60) == 0
