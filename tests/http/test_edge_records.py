"""The record of a request by the outermost middleware, and its cleanup."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from jubilee.entrypoints.http.framework.context import InFlightRequests
from jubilee.entrypoints.http.framework.edge import EdgeMiddleware
from jubilee.observation.requests import (
    RequestObserver,
    RequestRecord,
    current_request,
)

DURATION_S = 0.05


class Recorder(RequestObserver):
    """Stores the records, and which request was current when they finished."""

    def __init__(self) -> None:
        self.started = 0
        self.finished: list[RequestRecord] = []
        self.current: list[RequestRecord | None] = []

    def request_started(self) -> None:
        self.started += 1

    def request_finished(self, record: RequestRecord) -> None:
        self.finished.append(record)
        self.current.append(current_request.get())


async def answer(request: Request, _: RequestRecord) -> Response:
    """Respond after a delay; raise an error for `/broken`."""
    await asyncio.sleep(DURATION_S)
    if request.scope["path"] == "/broken":
        raise ZeroDivisionError
    return Response(b"abcde", 201)


async def nothing() -> Message:
    return {"type": "http.disconnect"}


async def ignore(_: Message) -> None: ...


async def serve(recorder: Recorder, in_flight: InFlightRequests, path: str = "/") -> None:
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    await EdgeMiddleware(answer, in_flight, recorder)(scope, nothing, ignore)


async def test_a_request_is_recorded_with_its_duration_status_and_size() -> None:
    recorder = Recorder()
    await serve(recorder, InFlightRequests())
    [record] = recorder.finished
    assert DURATION_S <= record.seconds < 10
    assert (recorder.started, record.status, record.sent) == (1, 201, 5)


async def test_the_request_is_current_until_it_is_recorded() -> None:
    before = current_request.get()
    recorder = Recorder()
    await serve(recorder, InFlightRequests())
    assert recorder.current == recorder.finished
    assert current_request.get() is before


async def test_a_failing_request_is_recorded_and_cleaned_up() -> None:
    recorder, in_flight = Recorder(), InFlightRequests()
    with pytest.raises(ZeroDivisionError):
        await serve(recorder, in_flight, "/broken")
    assert [record.status for record in recorder.finished] == [500]
    assert current_request.get() is None
    await asyncio.wait_for(in_flight.drain(60, until=lambda: False), 1)
