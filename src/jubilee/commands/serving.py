"""`jubilee api` and `jubilee worker`: one process, or the parent of several.

The parent imports nothing of the service, which its child processes load.
"""

from argparse import Namespace
from contextlib import AbstractContextManager

from jubilee.bootstrap.logs import start_logging
from jubilee.bootstrap.processes import api_processes, worker_processes
from jubilee.commands.loading import load_command
from jubilee.commands.reading import read_settings
from jubilee.commands.running import errors_as_refusals
from jubilee.entrypoints.processes.parent import ProcessGroup, run_group
from jubilee.entrypoints.processes.slot import own_slot
from jubilee.settings import Settings


def api(_: Namespace) -> int:
    """Serve the API."""
    settings, slot = read_settings(), own_slot()
    if slot is None and settings.web_concurrency > 1:
        return _run_several(settings, api_processes(settings))
    return load_command("api_process", "api")(settings, slot)


def worker(_: Namespace) -> int:
    """Run jobs."""
    settings, slot = read_settings(), own_slot()
    if slot is None and settings.worker_concurrency > 1:
        return _run_several(settings, worker_processes(settings))
    return load_command("worker_process", "worker")(settings, slot)


def _run_several(settings: Settings, opening: AbstractContextManager[ProcessGroup]) -> int:
    start_logging(settings)
    with errors_as_refusals(), opening as group:
        return run_group(group)
