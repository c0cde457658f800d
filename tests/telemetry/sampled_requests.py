"""Headers with a sampling decision, and an application that is traced."""

from collections.abc import Awaitable, Callable

import httpx2
from starlette.types import Receive, Scope, Send

from jubilee.adapters.telemetry.traced_requests import TracedRequests
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.entrypoints.http.framework.context import InFlightRequests
from jubilee.entrypoints.http.framework.edge import EdgeMiddleware

SAMPLED = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

UNSAMPLED = SAMPLED[:-2] + b"00"

TRACE, PARENT = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331

HEADER = b"traceparent"

Work = Callable[[], Awaitable[None]]


def serving(tracing: Tracing, work: Work) -> httpx2.AsyncClient:
    """Return a client of an application that runs `work` and answers 204."""

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await work()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    traced = TracedRequests(EdgeMiddleware(app, InFlightRequests()), tracing)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(traced), base_url="http://api.test")


async def nothing() -> None:
    pass
