"""What the outermost layer records of a request, and that nothing of it is left afterwards."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from jubilee.entrypoints.http.framework.context import Traffic
from jubilee.entrypoints.http.framework.edge import Edge
from jubilee.entrypoints.http.framework.request_record import Exchange, RequestMeter, present

DURATION_S = 0.05


class Recorder(RequestMeter):
    """Keeps what it is told, and which request was current at that moment."""

    def __init__(self) -> None:
        self.arrived = 0
        self.answered: list[Exchange] = []
        self.current: list[Exchange | None] = []

    def came(self) -> None:
        self.arrived += 1

    def went(self, exchange: Exchange) -> None:
        self.answered.append(exchange)
        self.current.append(present.get())


async def answer(scope: Scope, _: Receive, send: Send) -> None:
    """Takes its time; fails where the path says so."""
    await asyncio.sleep(DURATION_S)
    if scope["path"] == "/broken":
        raise ZeroDivisionError
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await send({"type": "http.response.body", "body": b"abc", "more_body": True})
    await send({"type": "http.response.body", "body": b"de"})


async def nothing() -> Message:
    return {"type": "http.disconnect"}


async def ignore(_: Message) -> None: ...


async def serve(recorder: Recorder, traffic: Traffic, path: str = "/") -> None:
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    await Edge(answer, traffic, recorder)(scope, nothing, ignore)


async def test_a_request_is_recorded_with_its_duration_status_and_size() -> None:
    recorder = Recorder()
    await serve(recorder, Traffic())
    [exchange] = recorder.answered
    assert DURATION_S <= exchange.seconds < 10
    assert (recorder.arrived, exchange.status, exchange.sent) == (1, 201, 5)


async def test_the_request_is_current_until_it_is_recorded_and_no_longer() -> None:
    before = present.get()
    recorder = Recorder()
    await serve(recorder, Traffic())
    assert recorder.current == recorder.answered
    assert present.get() is before


async def test_one_that_fails_is_recorded_and_leaves_nothing() -> None:
    recorder, traffic = Recorder(), Traffic()
    with pytest.raises(ZeroDivisionError):
        await serve(recorder, traffic, "/broken")
    assert [exchange.status for exchange in recorder.answered] == [500]
    assert present.get() is None
    await asyncio.wait_for(traffic.drain(60, until=lambda: False), 1)
