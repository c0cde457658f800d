"""The lock and the run file of a data folder."""

import os
import stat
from pathlib import Path

import pytest

from jubilee.adapters.embedded.errors import AlreadyRunning
from jubilee.adapters.embedded.run_file import DataDirLock, RunFile, read_run_file

RUN = RunFile(os.getpid(), "http://127.0.0.1:8000", "postgresql://here", "unix://there")


def test_the_run_file_is_read_while_its_owner_runs(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path, RUN)
    lock.write({"api": 7})
    found = read_run_file(tmp_path)
    lock.release()
    assert found is not None
    assert (found.database_url, found.redis_url) == ("postgresql://here", "unix://there")
    assert found.pids == {"api": 7}


def test_a_run_file_without_its_owner_is_ignored(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path, RUN)
    content = (tmp_path / "run.json").read_text()
    lock.release()
    (tmp_path / "run.json").write_text(content)
    assert read_run_file(tmp_path) is None
    assert read_run_file(tmp_path / "nowhere") is None


def test_a_second_lock_names_the_running_process(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path, RUN)
    with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}, http://127.0.0.1:8000"):
        DataDirLock(tmp_path, RUN)
    lock.release()
    again = DataDirLock(tmp_path, RUN)  # raises AlreadyRunning while the lock is held
    assert (tmp_path / "run.json").exists()
    again.release()


def test_the_run_file_is_private(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path / "data", RUN)
    assert stat.S_IMODE((tmp_path / "data/run.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    lock.release()


def test_a_file_does_not_outlive_its_owner(tmp_path: Path) -> None:
    DataDirLock(tmp_path, RUN).release()
    assert not (tmp_path / "run.json").exists()


def test_a_lock_is_released_without_its_run_file(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path, RUN)
    (tmp_path / "run.json").unlink()
    lock.release()
    again = DataDirLock(tmp_path, RUN)  # raises AlreadyRunning while the lock is held
    assert (tmp_path / "run.json").exists()
    again.release()


def test_a_draft_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "run.new").touch(0o644)
    lock = DataDirLock(tmp_path, RUN)
    assert stat.S_IMODE((tmp_path / "run.json").stat().st_mode) == 0o600
    lock.release()
