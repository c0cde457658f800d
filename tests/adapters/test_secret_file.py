"""The secret that is generated in development."""

import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from jubilee.adapters.secret_file import EmptySecret, development_secret


def test_a_secret_is_generated_once(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    secret = development_secret(folder)
    assert len(secret) >= 48
    assert development_secret(folder) == secret
    assert development_secret(tmp_path / "other") != secret


def test_the_secret_file_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    development_secret(folder)
    (path,) = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_existing_secret_is_used(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("my own secret\n")
    assert development_secret(tmp_path) == "my own secret"


def test_an_empty_secret_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("\n")
    with pytest.raises(EmptySecret, match="secret_key"):
        development_secret(tmp_path)


def test_parallel_processes_share_one_secret(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, get_context("spawn")) as processes:
        assert len(set(processes.map(development_secret, [tmp_path] * 8))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
