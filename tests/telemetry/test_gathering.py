"""Requests are told of some at a time, and none is left out."""

import asyncio

from jubilee.adapters.telemetry.access_log import AccessLog
from jubilee.adapters.telemetry.http import BATCH_INTERVAL_S, BATCH_SIZE, HttpTelemetry
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.observation.requests import RequestRecord
from tests.telemetry.memory import Lines

ANSWERED = RequestRecord("r-1", "GET", 0, "127.0.0.1", "/hello/{name}", status=200)


def counted(instruments: Instruments) -> float | None:
    """How many requests were."""
    labels = {"method": "GET", "endpoint": "/hello/{name}", "status": "200"}
    return instruments.registry.get_sample_value("http_requests_total", labels)


async def test_a_request_is_told_of_after_a_moment(lines: Lines, instruments: Instruments) -> None:
    meter = HttpTelemetry(instruments, AccessLog(lines.logs))
    for _ in range(3):
        meter.request_finished(ANSWERED)
    assert (counted(instruments), lines.found) == (None, [])
    await asyncio.sleep(3 * BATCH_INTERVAL_S)
    assert (counted(instruments), len(lines.found)) == (3, 3)
    meter.request_finished(ANSWERED)
    await asyncio.sleep(3 * BATCH_INTERVAL_S)
    assert (counted(instruments), len(lines.found)) == (4, 4)


async def test_many_requests_are_told_of_at_once(lines: Lines, instruments: Instruments) -> None:
    meter = HttpTelemetry(instruments, AccessLog(lines.logs))
    for _ in range(BATCH_SIZE + 1):
        meter.request_finished(ANSWERED)
    assert (counted(instruments), len(lines.found)) == (BATCH_SIZE, BATCH_SIZE)
    meter.flush()
    assert (counted(instruments), len(lines.found)) == (BATCH_SIZE + 1, BATCH_SIZE + 1)


def test_what_ends_when_the_loop_is_about_to_is_told_of_at_once(
    lines: Lines, instruments: Instruments
) -> None:
    meter = HttpTelemetry(instruments, AccessLog(lines.logs))
    meter.close()
    meter.request_finished(ANSWERED)
    assert (counted(instruments), len(lines.found)) == (1, 1)
