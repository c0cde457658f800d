"""Fakes of the tables and queues of jobs."""

import pytest

from tests.fakes.due_jobs import FakeDispatcher
from tests.fakes.job_table import FakeJobTable


@pytest.fixture
def table() -> FakeJobTable:
    return FakeJobTable()


@pytest.fixture
def dispatcher() -> FakeDispatcher:
    return FakeDispatcher()
