"""How the API ends: in order, in time, and without losing a request."""

import signal
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor

import httpx2
import pytest

from tests.servers import Servers
from tests.support.api import Api, Starter, lock_name_zoe, wait_for_lock_wait
from tests.support.running import eventually

BORN = b'{"dateOfBirth": "1990-02-28"}'


class SlowUpload:
    """A request whose body comes in two parts."""

    def __init__(self, api: Api, size: int = len(BORN)) -> None:
        """Send the head and half of the body."""
        self._socket = socket.create_connection(("127.0.0.1", api.port), timeout=10)
        head = f"PUT /hello/Zoe HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n"
        head += "Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n"
        self._socket.sendall(head.encode())
        assert self._socket.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        self._socket.sendall(BORN[:9])

    def finish(self) -> bytes:
        """Send the rest; returns the answer up to the end of the connection."""
        self._socket.sendall(BORN[9:])
        return self.answer()

    def close(self) -> None:
        """Whatever comes is of no interest."""
        self._socket.close()

    def answer(self) -> bytes:
        """What comes up to the end of the connection."""
        parts = iter(lambda: self._socket.recv(4096), b"")
        with self._socket:
            return b"".join(parts)


@pytest.fixture
def slow(start_api: Starter, servers: Servers, database_url: str) -> Api:
    """A service that has two seconds to end in."""
    return start_api(database_url, servers.redis_url, SHUTDOWN_TIMEOUT="2").ready()


def seconds_to_end(api: Api, signals: int = 1) -> float:
    """Tell it to end; how long it took."""
    began = time.monotonic()
    for number in range(signals):
        time.sleep(0.2 if number else 0)
        api.process.terminate()
    api.process.wait(30)
    return time.monotonic() - began


def test_a_request_in_flight_ends_while_new_ones_are_told_to_go_away(api: Api) -> None:
    upload = SlowUpload(api)
    api.process.terminate()
    assert eventually(lambda: api.ask("/health/ready").status_code == 503, within=5)
    told = api.ask("/health/ready")
    assert told.headers["Connection"] == "close"
    assert told.headers["Content-Type"] == "application/problem+json"
    assert api.process.poll() is None
    assert upload.finish().startswith(b"HTTP/1.1 204 ")
    assert api.process.wait(10) == 0
    assert "Traceback" not in api.output


async def test_a_request_that_waits_for_a_row_ends_with_its_answer(
    api: Api, database_url: str
) -> None:
    path, headers = f"{api.url}/hello/Zoe", {"Content-Type": "application/json"}
    async with httpx2.AsyncClient(timeout=10) as client:
        assert (await client.put(path, content=BORN, headers=headers)).status_code == 204
    with ThreadPoolExecutor() as threads:
        async with lock_name_zoe(database_url) as other:
            waiting = threads.submit(httpx2.put, path, content=BORN, headers=headers, timeout=10)
            await wait_for_lock_wait(other)
            api.process.send_signal(signal.SIGTERM)
            assert eventually(lambda: not api.is_ready())
            assert not waiting.done()
        assert waiting.result(10).status_code == 204
    assert api.process.wait(10) == 0


def test_a_request_that_never_ends_holds_it_up_no_longer_than_the_timeout(slow: Api) -> None:
    upload = SlowUpload(slow)
    took = seconds_to_end(slow)
    assert upload.answer().startswith(b"HTTP/1.1 503 ")
    assert slow.process.returncode == 0
    assert 1 < took < 5
    assert "Traceback" not in slow.output


def test_a_second_signal_ends_it_at_once(api: Api) -> None:
    upload = SlowUpload(api)
    took = seconds_to_end(api, signals=2)
    upload.close()
    assert took < 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_open_connections_without_a_request_do_not_hold_it_up(
    api: Api, number: signal.Signals
) -> None:
    with api.client() as client, socket.create_connection(("127.0.0.1", api.port)) as silent:
        assert client.get("/health/live").status_code == 200
        silent.sendall(b"GET / HTTP/1.1\r\n")
        api.process.send_signal(number)
        assert api.process.wait(5) == 0


@pytest.mark.timing
def test_it_says_not_ready_for_a_while_before_it_takes_no_more(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    api = start_api(database_url, servers.redis_url, DRAIN_DELAY="1.5").ready()
    with ThreadPoolExecutor() as threads:
        taken: Future[float] = threads.submit(seconds_to_end, api)
        assert eventually(lambda: not api.is_ready(), within=1)
        assert api.ask("/hello/Nobody").status_code == 404
        assert 1.5 < taken.result(20) < 5
    assert api.process.returncode == 0


def test_the_lines_of_the_last_requests_are_written(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    api = start_api(database_url, servers.redis_url, LOG_FORMAT="json").ready()
    for _ in range(20):
        assert api.ask("/hello/Nobody").status_code == 404
    assert seconds_to_end(api) < 5
    assert api.output.count('"route":"/hello/{username}"') == 20
