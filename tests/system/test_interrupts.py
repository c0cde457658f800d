"""Ctrl-C at any time ends the process without a traceback."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import NO_REDIS, NOWHERE

COMMAND = (sys.executable, "-X", "importtime", "-m", "jubilee")
LOADED_AFTER_OUR_FIRST_LINE = "argparse"  # until then the interpreter handles Ctrl-C
MOMENTS_MS = (0, 5, 50, 100, 300, 700)


@pytest.fixture(autouse=True)
def default_handling() -> Iterator[None]:
    """Let children start with the default of Ctrl-C, also where it is ignored by this process.

    A shell without job control starts its background processes so.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(at: Path, words: tuple[str, ...], after_ms: int) -> tuple[str, int]:
    """Return output and exit code of a command that gets Ctrl-C after its first line."""
    process = subprocess.Popen(
        (*COMMAND, *words),
        cwd=at,
        env={"DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS, "DATA_DIR": str(at / "data")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert any(LOADED_AFTER_OUR_FIRST_LINE in line for line in process.stdout)
        time.sleep(after_ms / 1000)
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=30)[0], process.returncode
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "words", [("status",), ("migrate",), ("config",), ("api",), ("worker",)], ids=" ".join
)
def test_ctrl_c_during_the_imports_shows_no_traceback(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    for moment in MOMENTS_MS:
        said, code = interrupted(tmp_path, words, moment)
        assert "Traceback" not in said, (moment, said)
        assert "KeyboardInterrupt" not in said, (moment, said)
        assert code == -signal.SIGINT or moment >= 20


def test_an_ignored_ctrl_c_stays_ignored(tmp_path: Path) -> None:
    ignoring = ("sh", "-c", 'trap "" INT; exec "$@"', "sh", *COMMAND, "config")
    process = subprocess.Popen(ignoring, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "PORT=" in said
