"""Finished requests are recorded in batches, and none is lost."""

import asyncio

from jubilee.adapters.telemetry.access_log import AccessLog
from jubilee.adapters.telemetry.http import BATCH_INTERVAL_S, BATCH_SIZE, HttpTelemetry
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.observation.requests import RequestRecord
from tests.telemetry.memory import Lines

FINISHED = RequestRecord("r-1", "GET", 0, "127.0.0.1", "/hello/{name}", status=200)


def count_requests(instruments: Instruments) -> float | None:
    """Return the number of counted requests."""
    labels = {"method": "GET", "endpoint": "/hello/{name}", "status": "200"}
    return instruments.registry.get_sample_value("http_requests_total", labels)


async def test_requests_are_recorded_after_the_batch_interval(
    lines: Lines, instruments: Instruments
) -> None:
    meter = HttpTelemetry(instruments, AccessLog(lines.logs))
    for _ in range(3):
        meter.request_finished(FINISHED)
    assert (count_requests(instruments), lines.found) == (None, [])
    await asyncio.sleep(3 * BATCH_INTERVAL_S)
    assert (count_requests(instruments), len(lines.found)) == (3, 3)
    meter.request_finished(FINISHED)
    await asyncio.sleep(3 * BATCH_INTERVAL_S)
    assert (count_requests(instruments), len(lines.found)) == (4, 4)


async def test_a_full_batch_is_recorded_at_once(lines: Lines, instruments: Instruments) -> None:
    meter = HttpTelemetry(instruments, AccessLog(lines.logs))
    for _ in range(BATCH_SIZE + 1):
        meter.request_finished(FINISHED)
    assert (count_requests(instruments), len(lines.found)) == (BATCH_SIZE, BATCH_SIZE)
    meter.flush()
    assert (count_requests(instruments), len(lines.found)) == (BATCH_SIZE + 1, BATCH_SIZE + 1)


def test_a_request_after_close_is_recorded_at_once(lines: Lines, instruments: Instruments) -> None:
    meter = HttpTelemetry(instruments, AccessLog(lines.logs))
    meter.close()
    meter.request_finished(FINISHED)
    assert (count_requests(instruments), len(lines.found)) == (1, 1)
