"""Shutdown of the API: in order, in time, and without losing a request."""

import signal
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor

import httpx2
import pytest

from tests.servers import Servers
from tests.support.api import Api, Starter, lock_name_zoe, wait_for_lock_wait
from tests.support.running import eventually
from tests.support.slow_upload import BORN, SlowUpload

AT_ONCE_S = 60.0  # of minutes that it would wait otherwise


@pytest.fixture
def slow(start_api: Starter, servers: Servers, database_url: str) -> Api:
    """An API with a shutdown timeout of two seconds."""
    return start_api(
        database_url, servers.redis_url, SHUTDOWN_TIMEOUT="2", BODY_TIMEOUT="300"
    ).ready()


@pytest.fixture
def patient(start_api: Starter, servers: Servers, database_url: str) -> Api:
    """An API that would wait for minutes for its requests."""
    return start_api(database_url, servers.redis_url, SHUTDOWN_TIMEOUT="300").ready()


def seconds_to_end(api: Api, signals: int = 1) -> float:
    """Send SIGTERM and return the seconds until the process has ended."""
    began = time.monotonic()
    for number in range(signals):
        time.sleep(0.2 if number else 0)
        api.process.terminate()
    api.process.wait(90)
    return time.monotonic() - began


def test_a_request_in_flight_is_finished_while_new_ones_are_refused(api: Api) -> None:
    upload = SlowUpload(api)
    api.process.terminate()
    assert eventually(lambda: api.ask("/health/ready").status_code == 503)
    answer = api.ask("/health/ready")
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert api.process.poll() is None
    assert upload.finish().startswith(b"HTTP/1.1 204 ")
    assert api.process.wait(60) == 0
    assert "Traceback" not in api.output


async def test_a_request_waiting_for_a_row_is_answered(api: Api, database_url: str) -> None:
    path, headers = f"{api.url}/hello/Zoe", {"Content-Type": "application/json"}
    async with httpx2.AsyncClient(timeout=60) as client:
        assert (await client.put(path, content=BORN, headers=headers)).status_code == 204
    with ThreadPoolExecutor() as threads:
        async with lock_name_zoe(database_url) as other:
            waiting = threads.submit(httpx2.put, path, content=BORN, headers=headers, timeout=60)
            await wait_for_lock_wait(other)
            api.process.send_signal(signal.SIGTERM)
            assert eventually(lambda: not api.is_ready())
            assert not waiting.done()
        assert waiting.result(60).status_code == 204
    assert api.process.wait(60) == 0


def test_an_endless_request_delays_shutdown_by_the_timeout_at_most(slow: Api) -> None:
    upload = SlowUpload(slow)
    took = seconds_to_end(slow)
    assert upload.answer().startswith(b"HTTP/1.1 503 ")
    assert slow.process.returncode == 0
    assert 1 < took < AT_ONCE_S
    assert "Traceback" not in slow.output


def test_a_second_signal_ends_the_api_at_once(patient: Api) -> None:
    upload = SlowUpload(patient)
    took = seconds_to_end(patient, signals=2)
    upload.close()
    assert took < AT_ONCE_S


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_connections_do_not_delay_shutdown(patient: Api, number: signal.Signals) -> None:
    api = patient
    with api.client() as client, socket.create_connection(("127.0.0.1", api.port)) as silent:
        assert client.get("/health/live").status_code == 200
        silent.sendall(b"GET / HTTP/1.1\r\n")
        api.process.send_signal(number)
        assert api.process.wait(AT_ONCE_S) == 0


@pytest.mark.timing(waits=True)
def test_readiness_fails_before_the_listener_closes(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    api = start_api(database_url, servers.redis_url, DRAIN_DELAY="1.5").ready()
    with ThreadPoolExecutor() as threads:
        taken: Future[float] = threads.submit(seconds_to_end, api)
        assert eventually(lambda: not api.is_ready(), within=1)
        assert api.ask("/hello/Unknown").status_code == 404
        assert 1.5 < taken.result(20) < 5
    assert api.process.returncode == 0


def test_the_access_lines_of_the_last_requests_are_written(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    api = start_api(database_url, servers.redis_url, LOG_FORMAT="json").ready()
    for _ in range(20):
        assert api.ask("/hello/Unknown").status_code == 404
    seconds_to_end(api)
    assert api.output.count('"route":"/hello/{username}"') == 20
