"""The parent of several processes, over shell commands in place of the service."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest

from jubilee.entrypoints.processes.heartbeat_file import HeartbeatFile
from jubilee.entrypoints.processes.parent import ProcessGroup, run_group
from jubilee.entrypoints.processes.slot import ProcessSlot
from tests.support.running import Up, eventually, have_ended

Grouped = Callable[..., Up]
ALIVE = 'touch "$BEAT"; echo alive; exec sleep 1000'
IGNORE_TERM = "trap '' TERM; touch \"$BEAT\"; echo alive; while :; do sleep 0.1; done"


@pytest.fixture
def grouped(tmp_path: Path) -> Iterator[Grouped]:
    """Run a command as each of two processes."""
    with ExitStack() as ends:

        def started(command: str, timeout: float = 20) -> Up:
            program = (sys.executable, "-m", "tests.entrypoints.processes.grouped")
            root = str(Path(__file__).parents[3])
            arguments = (str(tmp_path), str(timeout), command)
            up = Up(tmp_path / "data", tmp_path, (*program, *arguments), PYTHONPATH=root)
            ends.callback(up.end)
            return up

        yield started


def are_alive(up: Up, times: int = 2) -> bool:
    """Return whether so many processes were started in time."""
    return eventually(lambda: up.output.count("alive") == times, within=60)


def test_settings_that_a_process_refuses_end_all(grouped: Grouped) -> None:
    up = grouped(f'[ "$JUBILEE_PROCESS" = 1 ] && exit 78; {ALIVE}')
    assert up.process.wait(60) == 78
    assert "process cannot be started; stopping all" in up.output


def test_processes_that_never_start_end_the_parent_with_their_code(grouped: Grouped) -> None:
    up = grouped("echo tried; exit 4")
    assert up.process.wait(60) == 4
    assert up.output.count("tried") >= 5


def test_a_process_that_was_alive_is_always_started_again(grouped: Grouped) -> None:
    up = grouped(ALIVE)
    assert are_alive(up)
    (first, *_) = up.pids - {up.process.pid}
    os.kill(first, signal.SIGKILL)
    assert are_alive(up, 3)
    assert len(up.pids) == 3
    assert "process will be started again" in up.output


def test_a_process_is_told_how_often_it_was_started_again(grouped: Grouped) -> None:
    up = grouped(f'echo "$JUBILEE_PROCESS after $JUBILEE_PROCESS_RESTARTS"; {ALIVE}')
    assert are_alive(up)
    (first, *_) = up.pids - {up.process.pid}
    os.kill(first, signal.SIGKILL)
    assert are_alive(up, 3)
    told = {line for line in up.output.splitlines() if "after" in line}
    assert {"1 after 0", "2 after 0"} < told
    assert told & {"1 after 1", "2 after 1"}


def test_a_signal_closes_the_listeners_first_and_ends_all(grouped: Grouped) -> None:
    up = grouped("trap 'echo drained; exit' TERM; echo alive; while :; do sleep .1; done")
    assert are_alive(up)
    pids = up.pids
    assert up.interrupt() == 0
    assert up.output.split()[-3:] == ["closed", "drained", "drained"]
    assert have_ended(pids)


def test_a_process_that_does_not_end_is_killed_and_the_code_says_so(grouped: Grouped) -> None:
    up = grouped(IGNORE_TERM, timeout=0.5)
    assert are_alive(up)
    assert up.interrupt() == 128 + signal.SIGKILL
    assert "shutdown timed out; killing processes" in up.output


def test_the_heartbeat_file_appears_once_all_processes_are_alive(
    grouped: Grouped, tmp_path: Path
) -> None:
    heartbeat = tmp_path / "all"
    up = grouped(f'[ "$JUBILEE_PROCESS" = 1 ] || while ! [ -e go ]; do sleep .1; done; {ALIVE}')
    assert are_alive(up, 1)
    assert not heartbeat.exists()
    (tmp_path / "go").touch()
    assert eventually(heartbeat.exists, within=60)
    assert up.interrupt() == 0
    assert not heartbeat.exists()


def test_a_heartbeat_file_that_cannot_be_created_is_an_error_before_the_first_start(
    tmp_path: Path,
) -> None:
    closed: list[bool] = []

    def start(slot: ProcessSlot) -> NoReturn:
        raise AssertionError(f"process {slot.number} was started")

    group = ProcessGroup(
        slots=[ProcessSlot(1, tmp_path)],
        spawn=start,
        close_listeners=lambda: closed.append(True),
        drain_timeout_s=1,
        heartbeat=HeartbeatFile(tmp_path / "missing" / "all"),
    )
    with pytest.raises(FileNotFoundError):
        run_group(group)
    assert closed
