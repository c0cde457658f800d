"""The supervisor, over shell commands in place of the service."""

import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from jubilee.adapters.embedded.run_file import RUN_FILE, read_run_file
from jubilee.bootstrap.local_stack import local_stack
from jubilee.entrypoints.local.addresses import require_free
from jubilee.entrypoints.shutdown import ShutdownBudget
from jubilee.settings import Settings
from tests.support.running import Up, eventually, free_port, have_ended

Supervised = Callable[..., Up]
FOREVER = "echo up; exec sleep 1000"
LOOP = "echo up; while :; do sleep 0.1; done"
IGNORE_TERM = f"trap '' TERM; {LOOP}"


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    """Supervise an API command after a migration command."""
    with ExitStack() as ends:

        def started(api: str, migrate: str = "true", timeout: float = 5) -> Up:
            port = str(free_port())
            arguments = (str(tmp_path / "data"), port, str(timeout), migrate, api)
            command = (sys.executable, "-m", "tests.entrypoints.local.supervised", *arguments)
            root = str(Path(__file__).parents[3])
            up = Up(tmp_path / "data", tmp_path, command, PYTHONPATH=root, PORT=port)
            ends.callback(up.end)
            return up

        yield started


def prints(up: Up, text: str) -> bool:
    """Return whether the output contains the text in time."""
    return eventually(lambda: text in up.output, within=60)


def test_the_api_starts_after_the_migration(supervised: Supervised) -> None:
    up = supervised(FOREVER, migrate="sleep 0.3; echo migrated")
    assert prints(up, "up")
    assert up.output.split() == ["migrated", "up"]


def test_a_failed_migration_ends_the_supervisor(supervised: Supervised) -> None:
    up = supervised(FOREVER, migrate="exit 3")
    assert up.process.wait(60) == 3
    assert up.output == "jubilee: migrate failed\n"


def test_invalid_settings_end_the_supervisor(supervised: Supervised) -> None:
    up = supervised("exit 78")
    assert up.process.wait(60) == 78
    assert "the settings or the schema do not fit" in up.output


def test_an_api_that_dies_is_restarted(supervised: Supervised) -> None:
    up = supervised("echo tried; exit 4")
    assert eventually(lambda: up.output.count("tried") >= 3, within=60)
    assert "api ended with code 4; starting api again in 0.5 s" in up.output
    assert up.process.poll() is None


def test_a_requested_restart_drains_migrates_and_starts(supervised: Supervised) -> None:
    up = supervised(
        "trap 'echo drained; exit' TERM; echo up; while :; do sleep .1; done",
        migrate="echo migrated",
    )
    assert prints(up, "up")
    up.process.send_signal(signal.SIGUSR1)
    assert eventually(lambda: up.output.split().count("up") == 2, within=60)
    assert up.output.split() == ["migrated", "up", "stopping", "drained", "migrated", "up"]
    assert up.interrupt() == 0


def test_a_requested_restart_with_a_failed_migration_ends_the_supervisor(
    supervised: Supervised, tmp_path: Path
) -> None:
    up = supervised(FOREVER, migrate=f"mkdir '{tmp_path}/once'")
    assert prints(up, "up")
    up.process.send_signal(signal.SIGUSR1)
    assert up.process.wait(60) == 1
    assert "jubilee: migrate failed" in up.output


def test_the_url_is_printed_once_the_api_answers(supervised: Supervised) -> None:
    up = supervised(f"sleep 0.5; exec {sys.executable} -m http.server -b 127.0.0.1 $PORT")
    assert prints(up, f"API at {up.port}")


@pytest.fixture
def hangup(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set the inherited handling of SIGHUP to the parameter."""
    before = signal.signal(signal.SIGHUP, request.param)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("hangup", [signal.SIG_DFL], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.usefixtures("hangup")
def test_a_signal_drains_the_api(supervised: Supervised, number: signal.Signals) -> None:
    up = supervised(
        "trap 'sleep 0.3; echo drained; exit' TERM; echo up; while :; do sleep .1; done"
    )
    assert prints(up, "up")
    up.process.send_signal(number)
    assert up.process.wait(60) == 0
    assert up.output.split() == ["up", "stopping", "drained"]


@pytest.mark.parametrize("hangup", [signal.SIG_IGN], indirect=True)
@pytest.mark.usefixtures("hangup")
def test_sighup_is_ignored_under_nohup(supervised: Supervised) -> None:
    up = supervised(FOREVER)
    assert prints(up, "up")
    up.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert up.process.poll() is None
    assert up.interrupt() == 0


def test_ctrl_c_does_not_reach_the_api(supervised: Supervised) -> None:
    up = supervised(
        "trap 'echo interrupted' INT; trap 'exit' TERM; echo up; while :; do sleep .1; done"
    )
    assert prints(up, "up")
    assert up.interrupt() == 0
    assert "interrupted" not in up.output


def test_an_api_that_does_not_end_is_killed_after_the_timeout(supervised: Supervised) -> None:
    up = supervised(IGNORE_TERM, timeout=0)
    assert prints(up, "up")
    pids, began = up.pids, time.monotonic()
    assert up.interrupt() == 0
    assert 2 < time.monotonic() - began < 30
    assert have_ended(pids)


def test_the_supervisor_waits_as_long_as_a_workers_shutdown_budget(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, shutdown_timeout=7)
    budget = ShutdownBudget(drain_s=7)
    steps = 7 + budget.abandon_s + 3 * budget.cancel_s + budget.leave_s + budget.flush_s
    assert local_stack(settings).drain_timeout == steps + budget.margin_s == 24


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of the process so far."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def test_waiting_for_the_end_uses_no_cpu(supervised: Supervised) -> None:
    up = supervised("trap 'sleep 2; exit' TERM; echo up; while :; do sleep .1; done")
    assert prints(up, "up")
    os.kill(up.process.pid, signal.SIGINT)
    assert prints(up, "stopping")
    before = cpu_s(up.process.pid)
    time.sleep(1)
    assert cpu_s(up.process.pid) - before < 0.3
    assert up.process.wait(60) == 0


def test_a_second_ctrl_c_ends_at_once(supervised: Supervised) -> None:
    up = supervised(IGNORE_TERM, timeout=60)
    assert prints(up, "up")
    os.kill(up.process.pid, signal.SIGINT)
    assert prints(up, "stopping")
    began = time.monotonic()
    assert up.interrupt() == 0
    assert time.monotonic() - began < 30


def test_a_signal_during_the_migration_ends_the_supervisor(supervised: Supervised) -> None:
    up = supervised(FOREVER, migrate="echo migrating; exec sleep 1000")
    assert prints(up, "migrating")
    pids = up.pids
    assert up.interrupt() == 0
    assert have_ended(pids)


@pytest.mark.parametrize("host", ["no such host", "192.0.2.1"])
def test_an_address_of_another_machine_is_one_line(host: str) -> None:

    with pytest.raises(OSError, match="is not an address of this machine"):
        require_free(host, 8000)


@pytest.mark.parametrize(("port", "other"), [(8000, 8001), (65534, 65535), (65535, 1)])
def test_another_port_is_named_where_one_is_taken(
    monkeypatch: pytest.MonkeyPatch, port: int, other: int
) -> None:
    def bind(_: socket.socket, __: object) -> None:
        raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr(
        "jubilee.entrypoints.local.addresses.socket.socket",
        type("Taken", (socket.socket,), {"bind": bind}),
    )
    with pytest.raises(OSError, match=rf"is taken: choose another, such as PORT={other}$"):
        require_free("127.0.0.1", port)


def test_a_port_that_needs_more_rights_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(_: socket.socket, __: object) -> None:
        raise PermissionError(errno.EACCES, "denied")

    monkeypatch.setattr(
        "jubilee.entrypoints.local.addresses.socket.socket",
        type("Low", (socket.socket,), {"bind": bind}),
    )
    with pytest.raises(OSError, match=r"port 80 on 127\.0\.0\.1 needs more rights"):
        require_free("127.0.0.1", 80)


def test_the_run_file_names_the_process_that_was_started_again(
    supervised: Supervised, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    up = supervised(f"test -e {started} && echo $$ up && exec sleep 1000; touch {started}; exit 4")
    assert prints(up, " up")
    pid = int(up.output.partition(" up")[0].split()[-1])

    def is_named() -> bool:
        run = read_run_file(up.data)
        return run is not None and run.pids["api"] == pid

    assert eventually(is_named, within=60)
    written = (up.data / RUN_FILE).stat()
    time.sleep(0.5)  # it looks at its processes every 0.1 s
    assert (up.data / RUN_FILE).stat() == written
