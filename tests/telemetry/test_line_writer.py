"""Writing log lines: in order, complete, and without blocking the caller."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from select import PIPE_BUF, select
from time import monotonic, sleep

import pytest

from jubilee.adapters.telemetry.line_writer import LineWriter
from tests.support.running import eventually

MANY = 3000
TIMEOUT_S = 30.0  # far more than needed on a loaded machine

CHILD = f"""
import logging, os, sys
from jubilee.bootstrap.logs import start_logging
from jubilee.settings import Settings

logs = start_logging(Settings())
for number in range({MANY}):
    if number % 2:
        logs.write("line", number=number)
    else:
        logging.getLogger("jubilee").info("line", extra={{"number": number}})
"""


class Pipe:
    """A pipe whose reader the test controls."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self._open = {self.reading, self.writing}
        self._received = b""

    @property
    def lines(self) -> list[str]:
        """The lines read so far."""
        return self._received.decode().splitlines()

    def read(self) -> None:
        """Read until the other end is closed."""
        while part := os.read(self.reading, 65_536):
            self._received += part

    def next(self, within: float) -> bytes:
        """Read what arrives within these seconds."""
        there, _, _ = select((self.reading,), (), (), within)
        return os.read(self.reading, 100) if there else b""

    def close(self, *ends: int) -> None:
        """Close these ends, or all open ones."""
        for end in ends or tuple(self._open):
            self._open.remove(end)
            os.close(end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe that is not read yet."""
    pipe = Pipe()
    yield pipe
    pipe.close()


def run_in_time(call: Callable[[], None]) -> float:
    """Run the call, which must end in time; return its seconds."""
    began = monotonic()
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
    return monotonic() - began


def read_all(writer: LineWriter, pipe: Pipe) -> list[str]:
    """Flush and return every line."""
    reader = threading.Thread(target=pipe.read)
    reader.start()
    writer.flush(60)
    pipe.close(pipe.writing)
    reader.join(60)
    assert not reader.is_alive()
    return pipe.lines


def test_lines_are_written_in_order(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    lines = [f"line {number} ü" for number in range(MANY)]
    for line in lines:
        writer.write(line)
    assert read_all(writer, pipe) == lines
    assert writer.lost.value == 0


def test_a_flush_writes_all_lines(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    for number in range(300):
        writer.write(str(number))
        writer.flush(60)
        assert pipe.next(within=0) == f"{number}\n".encode()


def test_lines_are_written_without_a_flush(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    writer.write("first")
    assert pipe.next(TIMEOUT_S) == b"first\n"
    writer.write("second")
    assert pipe.next(TIMEOUT_S) == b"second\n"


def test_a_blocked_reader_delays_no_caller_and_lost_lines_are_counted(
    pipe: Pipe,
) -> None:
    writer, lines = LineWriter(pipe.writing, capacity=500), [f"{n:0200}" for n in range(MANY)]

    def write_all() -> None:
        for line in lines:
            writer.write(line)

    run_in_time(write_all)
    lost = writer.lost.value
    assert 0 < lost < MANY
    found = read_all(writer, pipe)
    assert len(found) == MANY - lost
    assert found == sorted(found)
    assert set(found) < set(lines)


def test_a_flush_ends_after_its_timeout(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    for _ in range(10):
        writer.write("x" * 60_000)
    assert run_in_time(lambda: writer.flush(0.2)) > 0.1
    assert len(read_all(writer, pipe)) == 10


def test_lines_wait_for_room_in_a_non_blocking_pipe(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    writer, lines = LineWriter(pipe.writing), [f"{n:0200}" for n in range(MANY)]
    for line in lines:
        writer.write(line)
    sleep(0.2)  # the pipe is full now
    assert read_all(writer, pipe) == lines


def test_a_closed_reader_does_not_affect_the_writer(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    pipe.close(pipe.reading)
    for number in range(MANY):
        writer.write(str(number))
    run_in_time(lambda: writer.flush(20))
    writer.write("and on")
    # Before the number of the file belongs to the next test's pipe:
    run_in_time(lambda: writer.flush(20))
    assert writer.lost.value == 0


def test_lines_of_several_threads_are_complete_and_in_order(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)

    def write(name: int) -> None:
        for number in range(MANY // 6):
            writer.write(f"{name} {number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read_all(writer, pipe)
    for name in range(6):
        own = [line for line in found if line.startswith(f"{name} ")]
        assert own == [f"{name} {number}" for number in range(MANY // 6)]
    assert len(found) == MANY


def test_a_lone_surrogate_is_escaped(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    writer.write("half \ud83d of it")
    writer.write("next")
    assert read_all(writer, pipe) == ["half \\ud83d of it", "next"]


ENDS = {
    "normally": ("", 0),
    "by SystemExit": ("sys.exit(3)", 3),
    "by an exception": ("raise ValueError('marker')", 1),
    "by _exit": ("logging.shutdown(); os._exit(4)", 4),
    "in a loop": (
        "import uvloop\nasync def end(): sys.exit(5)\nuvloop.run(end())",
        5,
    ),
}


@pytest.mark.parametrize(("end", "code"), ENDS.values(), ids=ENDS)
def test_a_process_writes_its_last_lines_before_it_ends(
    tmp_path: Path, end: str, code: int
) -> None:
    output = tmp_path / "output"  # a pipe would wait for its reader
    with output.open("w") as written:
        ended = subprocess.run(
            (sys.executable, "-c", CHILD + end),
            cwd=tmp_path,
            env={"LOG_FORMAT": "json"},
            stdout=written,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line["number"] for line in lines if line["event"] == "line"] == list(range(MANY))
    assert (ended.returncode, ended.stderr) == (code, "")
    assert ("unhandled exception" in [line["event"] for line in lines]) is (code == 1)
    assert "marker" not in output.read_text()


def test_a_process_ends_while_its_output_is_not_read(tmp_path: Path) -> None:
    command = (sys.executable, "-c", CHILD)
    env = {"LOG_FORMAT": "json"}
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE) as child:
        eventually(lambda: child.poll() is not None, within=60)
        child.kill()
    assert child.returncode == 0


def test_no_write_ends_within_a_line_that_fits_into_one() -> None:
    reading, writing = os.pipe2(os.O_DIRECT)  # each write is read by itself
    writer = LineWriter(writing)
    for number in range(MANY // 10):
        writer.write("x" * (number % 200))
    writer.flush(60)
    os.close(writing)
    writes = list(iter(lambda: os.read(reading, 65_536), b""))
    os.close(reading)
    assert max(map(len, writes)) <= PIPE_BUF
    assert all(write.endswith(b"\n") for write in writes)
    assert 1 < len(writes) < MANY // 10


def test_a_flush_waits_for_the_lines_that_are_being_written(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    writer.write("x" * 200_000)  # more than the pipe holds
    assert eventually(lambda: not writer._lines)
    flushing = threading.Thread(target=writer.flush, args=(60,))
    flushing.start()
    flushing.join(0.1)
    assert flushing.is_alive()
    assert len(read_all(writer, pipe)[0]) == 200_000
    flushing.join(20)
    assert not flushing.is_alive()
