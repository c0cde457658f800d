"""A plugin of pytest that records which functions of the package each test runs.

Functions, not lines: a trace function that follows no lines costs little, and needs no library.
What a test starts as another process is not seen; see `BY_FOLDER` of selection.py.
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import TypeAlias

import pytest

OUTPUT = "JUBILEE_MUTATION_RECORD"
"""The environment variable that names the file to write."""

Trace: TypeAlias = Callable[[FrameType, str, object], None]

PACKAGE = str(Path(__file__).parents[2] / "src")


class Recorder:
    """Functions by test, as `path:first line`, and how long each test that passed took."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._called: set[CodeType] = set()
        self._imported: dict[str, set[CodeType]] = {}
        self._tests: dict[str, dict[str, object]] = {}
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Trace one test with its fixtures."""
        with self._tracing(self._trace):
            found = yield
        self._keep(item.nodeid)
        return found

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, object, object]:
        """Trace the import of a module of tests: what it calls there counts for each of them."""
        if not isinstance(collector, pytest.Module):
            return (yield)
        with self._tracing(self._trace_import):
            found = yield
        self._imported[collector.nodeid] = self._called
        return found

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test has ended."""
        earlier = self._seconds.get(report.nodeid, 0.0)
        self._seconds[report.nodeid] = earlier + report.duration
        if report.outcome != "passed":
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write it all."""
        self._output.write_text(json.dumps(self._tests))

    @contextmanager
    def _tracing(self, trace: Trace) -> Iterator[None]:
        self._called = set()
        threading.settrace(trace)
        sys.settrace(trace)
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)

    def _trace(self, frame: FrameType, event: str, arg: object) -> None:
        self._called.add(frame.f_code)

    def _trace_import(self, frame: FrameType, event: str, arg: object) -> None:
        """What runs while the package itself is loaded, the first test of all would seem to run."""
        if frame.f_code.co_filename.startswith(PACKAGE) and not _is_loading(frame):
            self._called.add(frame.f_code)

    def _keep(self, nodeid: str) -> None:
        if nodeid in self._failed:
            return
        functions = [
            f"{code.co_filename.removeprefix(PACKAGE)[1:]}:{code.co_firstlineno}"
            for code in self._called | self._imported.get(nodeid.partition("::")[0], set())
            if code.co_filename.startswith(PACKAGE)
        ]
        self._tests[nodeid] = {"seconds": self._seconds[nodeid], "functions": functions}


def _is_loading(frame: FrameType | None) -> bool:
    """Whether a module of the package is being executed."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_code.co_filename.startswith(PACKAGE):
            return True
        frame = frame.f_back
    return False


def pytest_configure(config: pytest.Config) -> None:
    """Record where the environment says to."""
    if output := os.environ.get(OUTPUT):
        config.pluginmanager.register(Recorder(Path(output)), "mutation-recorder")
