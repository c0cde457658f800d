"""`jubilee health`: one line about one process, and an exit code."""

from argparse import Namespace
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from jubilee.commands import health as module
from jubilee.commands.health import health
from jubilee.entrypoints.processes.heartbeat_file import HeartbeatFile
from tests.support.running import free_port

Answer = Callable[[int, bytes], None]


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answer]:
    """Answer every request of the check, and note its path."""
    given: list[tuple[int, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            assert self.path == "/health/ready"
            status, body = given[-1]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002  # likewise

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("HOST", "0.0.0.0")  # as in a container
        monkeypatch.setenv("PORT", str(server.server_port))
        yield lambda status, body: given.append((status, body))
        server.shutdown()


def check(process: str | None, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return the exit code and the line."""
    return health(Namespace(process=process)), capsys.readouterr().out


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ((200, b"{}"), (0, "api: healthy\n")),
        ((503, b'{"checks": {"postgres": "away"}}'), (1, "api: not ready: postgres away\n")),
        ((503, b'{"checks": {"a": "1", "b": "2"}}'), (1, "api: not ready: a 1, b 2\n")),
        ((503, b"full"), (1, "api: answered 503\n")),
        ((503, b"[]"), (1, "api: answered 503\n")),
        ((404, b'{"checks": 1}'), (1, "api: answered 404\n")),
    ],
)
def test_an_api_is_healthy_if_it_is_ready(
    answer: Answer,
    capsys: pytest.CaptureFixture[str],
    reply: tuple[int, bytes],
    expected: tuple[int, str],
) -> None:
    answer(*reply)
    assert check("api", capsys) == expected


def test_an_api_that_does_not_answer_is_not_healthy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    monkeypatch.setenv("PORT", str(port))
    monkeypatch.delenv("HOST", raising=False)
    line = f"api: no answer from 127.0.0.1 port {port}: Connection refused\n"
    assert check("api", capsys) == (1, line)


def test_a_port_that_is_no_number_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "high")
    code, line = check("api", capsys)
    assert (code, "port high" in line) == (1, True)


def test_a_worker_is_healthy_while_it_writes_its_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("WORKER_HEARTBEAT_FILE", raising=False)
    assert check("worker", capsys) == (1, "worker: WORKER_HEARTBEAT_FILE is not set\n")
    file = tmp_path / "worker"
    monkeypatch.setenv("WORKER_HEARTBEAT_FILE", str(file))
    assert check("worker", capsys)[0] == 1
    HeartbeatFile(file).create()
    assert check("worker", capsys) == (0, "worker: healthy\n")


def test_the_containers_first_process_says_what_is_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("WORKER_HEARTBEAT_FILE", raising=False)
    monkeypatch.setattr(module, "MAIN_PROCESS", tmp_path / "cmdline")
    nothing = (0, "neither an API nor a worker runs here\n")
    assert check(None, capsys) == nothing
    (tmp_path / "cmdline").write_bytes(b"/usr/bin/python\0-m\0jubilee\0worker\0")
    assert check(None, capsys) == (1, "worker: WORKER_HEARTBEAT_FILE is not set\n")
    (tmp_path / "cmdline").write_bytes(b"/sbin/init\0\xff\0")
    assert check(None, capsys) == nothing
