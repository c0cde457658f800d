"""The processes of one API or worker under a parent, which serves the metrics of all."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory

from jubilee.adapters.embedded.process import Program, spawn
from jubilee.adapters.telemetry.process_metrics import process_registry
from jubilee.bootstrap.metrics_listener import API, WORKER, listen_for_scrapes
from jubilee.entrypoints.local.child_process import ChildProcess
from jubilee.entrypoints.processes.heartbeat_file import HeartbeatFile
from jubilee.entrypoints.processes.listeners import listen
from jubilee.entrypoints.processes.parent import ProcessGroup
from jubilee.entrypoints.processes.slot import ProcessSlot
from jubilee.entrypoints.shutdown import ShutdownBudget
from jubilee.settings import Settings


@contextmanager
def api_processes(settings: Settings) -> Iterator[ProcessGroup]:
    """Listen for connections and scrapes, and describe the processes of an API.

    Raises OSError where HOST and PORT cannot be listened on, NoMetricsListener for METRICS_PORT.
    """
    with ExitStack() as ends:
        listeners = [ends.enter_context(each) for each in listen(settings.host, settings.port)]
        folder = _open_folder(ends, settings, API, settings.api_metrics_port)
        yield _group(settings, API, _slots(folder, settings.web_concurrency, listeners), listeners)


@contextmanager
def worker_processes(settings: Settings) -> Iterator[ProcessGroup]:
    """Listen for scrapes, and describe the processes of a worker."""
    with ExitStack() as ends:
        folder = _open_folder(ends, settings, WORKER, settings.worker_metrics_port)
        yield _group(settings, WORKER, _slots(folder, settings.worker_concurrency))


def settings_of_process(settings: Settings, slot: ProcessSlot | None) -> Settings:
    """Return the settings of one of several processes, which has a heartbeat file of its own."""
    if slot is None:
        return settings
    return settings.model_copy(update={"worker_heartbeat_file": slot.heartbeat.path})


def _open_folder(ends: ExitStack, settings: Settings, name: str, metrics_port: int | None) -> Path:
    """Create the folder that the processes share, and serve the metrics that are in it."""
    temporary = TemporaryDirectory(prefix="jubilee-", ignore_cleanup_errors=True)
    folder = Path(ends.enter_context(temporary))
    if metrics_port:
        reserved = (settings.port, settings.api_metrics_port)
        registry = process_registry(folder)
        address = settings.host, metrics_port
        ends.callback(listen_for_scrapes(name, address, registry, reserved))
    return folder


def _slots(folder: Path, count: int, listeners: Sequence[socket] = ()) -> Sequence[ProcessSlot]:
    descriptors = tuple(each.fileno() for each in listeners)
    return [ProcessSlot(number, folder, descriptors) for number in range(1, count + 1)]


def _group(
    settings: Settings, name: str, slots: Sequence[ProcessSlot], listeners: Sequence[socket] = ()
) -> ProcessGroup:
    def start(slot: ProcessSlot) -> ChildProcess:
        argv = (sys.executable, "-m", "jubilee", name)
        env = {**os.environ, **slot.variables()}
        return spawn(Program(argv, env, descriptors=slot.listeners))

    def close_listeners() -> None:
        for each in listeners:
            each.close()

    file = settings.worker_heartbeat_file if name == WORKER else None
    return ProcessGroup(
        slots=slots,
        spawn=start,
        close_listeners=close_listeners,
        drain_timeout_s=ShutdownBudget(drain_s=settings.shutdown_timeout).kill_after_s,
        heartbeat=None if file is None else HeartbeatFile(file),
    )
