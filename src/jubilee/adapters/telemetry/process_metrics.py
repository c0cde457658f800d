"""Metrics of several processes in one exposition, each series with the label `process`.

Each process serves its own at a Unix socket in a folder that they share, and any of them, or their
parent, reads all. The series are not added up: the counters of a process that was restarted begin
at zero, which a rate takes into account for each series, but not for a sum.
"""

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, UnixStreamServer
from threading import Thread

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

READ_TIMEOUT_S = 2.0  # for all processes together; one that does not answer is left out
SEND_TIMEOUT_S = 2.0
CHUNK_BYTES = 1 << 16
END = b"# EOF\n"  # a comment to the parser; what has no such end was cut off
SOCKET = "metrics-"  # then the number of the process


def serve_metrics(folder: Path, number: int, registry: CollectorRegistry) -> Callable[[], None]:
    """Serve the metrics of process `number` to the others until the returned function is called."""
    path = folder / f"{SOCKET}{number}"
    path.unlink(missing_ok=True)  # a process that was killed leaves it behind

    class SendMetrics(BaseRequestHandler):
        request: socket.socket

        def handle(self) -> None:
            self.request.settimeout(SEND_TIMEOUT_S)
            with suppress(OSError):  # the reader did not wait
                self.request.sendall(generate_latest(registry) + END)

    server = UnixStreamServer(str(path), SendMetrics)
    thread = Thread(target=server.serve_forever, daemon=True, name="process metrics")
    thread.start()

    def close() -> None:
        server.shutdown()
        server.server_close()
        path.unlink(missing_ok=True)
        thread.join(1)

    return close


class ProcessMetrics(Collector):
    """Collects the metrics of all processes whose sockets are in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Called by the registry; blocks for READ_TIMEOUT_S at most."""
        merged: dict[str, Metric] = {}
        for process, text in self._texts():
            for family in text_string_to_metric_families(text):
                into = merged.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                into.samples += [_labelled(sample, process) for sample in family.samples]
        return merged.values()

    def _texts(self) -> Iterator[tuple[str, str]]:
        """Ask all before reading: they write their metrics at the same time."""
        deadline = time.monotonic() + READ_TIMEOUT_S
        sockets = sorted(self._folder.glob(f"{SOCKET}*"))
        with ExitStack() as opened:
            asked: list[tuple[str, socket.socket]] = []
            for path in sockets:
                connection = opened.enter_context(socket.socket(socket.AF_UNIX))
                connection.settimeout(READ_TIMEOUT_S)
                with suppress(OSError):  # it has ended, or is so busy that others wait already
                    connection.connect(str(path))
                    asked.append((path.name.removeprefix(SOCKET), connection))
            for process, connection in asked:
                if (text := _read(connection, deadline)).endswith(END):
                    yield process, text.decode()


def _read(connection: socket.socket, deadline: float) -> bytes:
    """Read to the end, or to the deadline."""
    received = bytearray()
    with suppress(OSError):
        while (left := deadline - time.monotonic()) > 0:
            connection.settimeout(left)
            chunk = connection.recv(CHUNK_BYTES)
            if not chunk:
                break
            received += chunk
    return bytes(received)


def _labelled(sample: Sample, process: str) -> Sample:
    return sample._replace(labels={**sample.labels, "process": process})


def process_registry(folder: Path) -> CollectorRegistry:
    """Return a registry that has the metrics of all processes."""
    registry = CollectorRegistry()
    registry.register(ProcessMetrics(folder))
    return registry
