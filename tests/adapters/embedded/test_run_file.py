"""Who runs on a data folder."""

import os
import stat
from pathlib import Path

import pytest

from jubilee.adapters.embedded.errors import AlreadyRunning
from jubilee.adapters.embedded.run_file import DataDirLock, RunFile, read_run_file

RUN = RunFile(os.getpid(), "http://127.0.0.1:8000", "postgresql://here", "unix://there")


def test_others_read_where_the_servers_are_while_the_owner_lives(tmp_path: Path) -> None:
    claim = DataDirLock(tmp_path, RUN)
    claim.write({"api": 7})
    found = read_run_file(tmp_path)
    claim.release()
    assert found is not None
    assert (found.database_url, found.redis_url) == ("postgresql://here", "unix://there")
    assert found.pids == {"api": 7}


def test_a_file_without_its_owner_says_nothing(tmp_path: Path) -> None:
    claim = DataDirLock(tmp_path, RUN)
    left = (tmp_path / "run.json").read_text()
    claim.release()
    (tmp_path / "run.json").write_text(left)
    assert read_run_file(tmp_path) is None
    assert read_run_file(tmp_path / "nowhere") is None


def test_a_second_claim_is_told_who_runs(tmp_path: Path) -> None:
    claim = DataDirLock(tmp_path, RUN)
    with pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}, http://127.0.0.1:8000"):
        DataDirLock(tmp_path, RUN)
    claim.release()
    again = DataDirLock(tmp_path, RUN)  # raises AlreadyRunning where the lock is still held
    assert (tmp_path / "run.json").exists()
    again.release()


def test_nobody_else_may_read_the_addresses(tmp_path: Path) -> None:
    claim = DataDirLock(tmp_path / "data", RUN)
    assert stat.S_IMODE((tmp_path / "data/run.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    claim.release()


def test_a_file_does_not_outlive_its_owner(tmp_path: Path) -> None:
    DataDirLock(tmp_path, RUN).release()
    assert not (tmp_path / "run.json").exists()


def test_a_folder_is_given_back_though_its_file_is_gone(tmp_path: Path) -> None:
    claim = DataDirLock(tmp_path, RUN)
    (tmp_path / "run.json").unlink()
    claim.release()
    again = DataDirLock(tmp_path, RUN)  # raises AlreadyRunning where the lock is still held
    assert (tmp_path / "run.json").exists()
    again.release()
