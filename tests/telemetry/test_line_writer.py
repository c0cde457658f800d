"""Log lines on their way out: in order, whole, to the last one; and nobody ever waits for them."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from select import select
from time import monotonic, sleep

import pytest

from jubilee.adapters.telemetry.line_writer import LineWriter
from tests.support.running import eventually

MANY = 3000
SOON = 2.0  # seconds: far more than it takes on a machine that others use, too

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
    """A pipe whose reader may take its time."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self._open = {self.reading, self.writing}
        self._received = b""

    @property
    def lines(self) -> list[str]:
        """What has been read."""
        return self._received.decode().splitlines()

    def read(self) -> None:
        """All that comes until the other end is closed."""
        while part := os.read(self.reading, 65_536):
            self._received += part

    def next(self, within: float) -> bytes:
        """What can be read in time."""
        there, _, _ = select((self.reading,), (), (), within)
        return os.read(self.reading, 100) if there else b""

    def close(self, *ends: int) -> None:
        """These ends, or all that are open."""
        for end in ends or tuple(self._open):
            self._open.remove(end)
            os.close(end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """One that nobody reads yet."""
    pipe = Pipe()
    yield pipe
    pipe.close()


def in_time(call: Callable[[], None]) -> float:
    """How many seconds it takes; fails where it goes on for long."""
    began = monotonic()
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(SOON)
    assert not thread.is_alive()
    return monotonic() - began


def drained(writer: LineWriter, pipe: Pipe) -> list[str]:
    """Every line, once a reader has come."""
    reader = threading.Thread(target=pipe.read)
    reader.start()
    writer.flush(20)
    pipe.close(pipe.writing)
    reader.join(20)
    assert not reader.is_alive()
    return pipe.lines


def test_lines_come_out_in_their_order(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    lines = [f"line {number} ü" for number in range(MANY)]
    for line in lines:
        writer.write(line)
    assert drained(writer, pipe) == lines
    assert writer.lost.value == 0


def test_after_a_flush_every_line_is_out(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    for number in range(300):
        writer.write(str(number))
        writer.flush()
        assert pipe.next(within=0) == f"{number}\n".encode()


def test_lines_come_out_without_a_flush_too(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    writer.write("first")
    assert pipe.next(SOON) == b"first\n"
    writer.write("second")
    assert pipe.next(SOON) == b"second\n"


def test_a_reader_who_does_not_read_makes_nobody_wait_and_what_is_lost_is_counted(
    pipe: Pipe,
) -> None:
    writer, lines = LineWriter(pipe.writing, capacity=500), [f"{n:0200}" for n in range(MANY)]

    def write_all() -> None:
        for line in lines:
            writer.write(line)

    in_time(write_all)
    lost = writer.lost.value
    assert 0 < lost < MANY
    found = drained(writer, pipe)
    assert len(found) == MANY - lost
    assert found == sorted(found)
    assert set(found) < set(lines)


def test_a_flush_waits_no_longer_than_it_may(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    for _ in range(10):
        writer.write("x" * 60_000)
    assert in_time(lambda: writer.flush(0.2)) > 0.1
    assert len(drained(writer, pipe)) == 10


def test_lines_wait_for_room_where_the_pipe_itself_does_not(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    writer, lines = LineWriter(pipe.writing), [f"{n:0200}" for n in range(MANY)]
    for line in lines:
        writer.write(line)
    sleep(0.2)  # by now the pipe is full
    assert drained(writer, pipe) == lines


def test_a_reader_who_has_gone_changes_nothing(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    pipe.close(pipe.reading)
    for number in range(MANY):
        writer.write(str(number))
    in_time(writer.flush)
    writer.write("and on")
    assert writer.lost.value == 0


def test_lines_of_several_threads_are_whole_and_each_in_its_order(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)

    def write(name: int) -> None:
        for number in range(MANY // 6):
            writer.write(f"{name} {number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = drained(writer, pipe)
    for name in range(6):
        own = [line for line in found if line.startswith(f"{name} ")]
        assert own == [f"{name} {number}" for number in range(MANY // 6)]
    assert len(found) == MANY


def test_what_is_no_unicode_is_written_all_the_same(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing)
    writer.write("half \ud83d of it")
    writer.write("next")
    assert drained(writer, pipe) == ["half \\ud83d of it", "next"]


ENDS = {
    "of itself": ("", 0),
    "by SystemExit": ("sys.exit(3)", 3),
    "by an exception": ("raise ValueError('tell nobody')", 1),
    "at once": ("logging.shutdown(); os._exit(4)", 4),
    "in a loop": (
        "import uvloop\nasync def end(): sys.exit(5)\nuvloop.run(end())",
        5,
    ),
}


@pytest.mark.parametrize(("end", "code"), ENDS.values(), ids=ENDS)
def test_a_process_that_ends_has_written_its_last_lines(
    tmp_path: Path, end: str, code: int
) -> None:
    ended = subprocess.run(
        (sys.executable, "-c", CHILD + end),
        cwd=tmp_path,
        env={"LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["number"] for line in lines if line["event"] == "line"] == list(range(MANY))
    assert (ended.returncode, ended.stderr) == (code, "")
    assert ("unhandled exception" in [line["event"] for line in lines]) is (code == 1)
    assert "tell nobody" not in ended.stdout


def test_a_process_ends_though_nobody_reads_its_lines(tmp_path: Path) -> None:
    command = (sys.executable, "-c", CHILD)
    env = {"LOG_FORMAT": "json"}
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE) as child:
        eventually(lambda: child.poll() is not None, within=30)
        child.kill()
    assert child.returncode == 0
