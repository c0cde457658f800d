"""A plugin of pytest that records which lines of the package each test runs.

coverage traces lines by code in C, and keeps them apart by the test that runs. What a test starts
as another process is recorded by process_recorder.py.
"""

import json
import os
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import jubilee
from tests.mutation.process_recorder import start_tracing

OUTPUT = "JUBILEE_MUTATION_RECORD"
"""The environment variable that names the folder to write to."""

IMPORT = "import "
"""Begins the context of what a module of tests calls while it is imported."""


class Recorder:
    """Lines by test, and how long each test that passed took."""

    def __init__(self, folder: Path) -> None:
        self._current = folder / f"test-{os.getpid()}"
        self._passed = folder / f"seconds-{os.getpid()}"
        self._seconds: dict[str, float] = {}
        self._failed: set[str] = set()
        for module in walk_packages(jubilee.__path__, "jubilee."):
            if not module.name.endswith("__main__"):
                import_module(module.name)  # what runs meanwhile, the first test would seem to run
        self._coverage = start_tracing(folder)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Trace one test with its fixtures."""
        self._current.write_text(item.nodeid)
        self._coverage.switch_context(item.nodeid)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, object, object]:
        """Trace the import of a module of tests: what it calls there counts for each of them."""
        if isinstance(collector, pytest.Module):
            self._coverage.switch_context(f"{IMPORT}{collector.nodeid}")
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test has ended."""
        earlier = self._seconds.get(report.nodeid, 0.0)
        self._seconds[report.nodeid] = earlier + report.duration
        if report.outcome != "passed":
            self._failed.add(report.nodeid)
        if report.when == "teardown" and report.nodeid not in self._failed:
            with self._passed.open("a") as file:  # at once, for this process may be killed later
                file.write(json.dumps([report.nodeid, self._seconds[report.nodeid]]) + "\n")

    def pytest_sessionfinish(self) -> None:
        """Save the lines of the last test."""
        self._coverage.stop()
        self._coverage.save()
        self._current.unlink(missing_ok=True)


def pytest_configure(config: pytest.Config) -> None:
    """Record where the environment says to, but not in the process that only distributes tests."""
    is_distributor = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if (folder := os.environ.get(OUTPUT)) and not is_distributor:
        config.pluginmanager.register(Recorder(Path(folder)), "mutation-recorder")
