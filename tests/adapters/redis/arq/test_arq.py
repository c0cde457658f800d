"""Undocumented parts of ARQ that `ArqQueueWorker` and the dispatcher rely on."""

import hashlib
import inspect
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
from arq import constants, jobs, worker
from arq.worker import Worker

from jubilee.adapters.redis.arq.queue_worker import ArqQueueWorker

REVIEWED = {
    worker: "4930852a9bb06d7f",
    jobs: "cacc74b5ccb2d53e",
    constants: "ee9c72492437fc8f",
}
"""The sources that the adapter was last compared with."""

OVERRIDDEN = [
    name
    for name, member in vars(ArqQueueWorker).items()
    if callable(member) and name in dir(Worker)
]
ATTRIBUTES = (
    "allow_pick_jobs",
    "functions",
    "in_progress_timeout_s",
    "job_counter",
    "max_jobs",
    "pool",
    "queue_name",
    "sem",
    "tasks",
)


@pytest.mark.parametrize("module", REVIEWED, ids=lambda module: module.__name__)
def test_the_source_of_arq_is_unchanged_since_its_review(module: ModuleType) -> None:
    found = hashlib.sha256(inspect.getsource(module).encode()).hexdigest()[:16]
    assert found == REVIEWED[module], (
        f"{module.__name__} has changed: compare it with src/jubilee/adapters/redis/arq/, each "
        f"overridden method ({', '.join(OVERRIDDEN)}) with ARQ's own, then write {found} here"
    )


def test_no_other_minor_version_of_arq_is_installed() -> None:
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())["project"]
    (requirement,) = (text for text in project["dependencies"] if text.startswith("arq"))
    major, minor = version("arq").split(".")[:2]
    assert requirement == f"arq>={major}.{minor},<{major}.{int(minor) + 1}"


def test_the_hooks_are_overridden() -> None:
    assert set(OVERRIDDEN) - {"__init__"} == {
        "_poll_iteration",
        "_release_sem_dec_counter_on_complete",
        "main",
        "start_jobs",
    }


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_attribute_in_use_exists_in_arqs_worker(name: str) -> None:
    assert f"self.{name}" in inspect.getsource(Worker), (
        f"arq.worker.Worker.{name} is missing: adapters/redis/arq/queue_worker.py relies on it"
    )
