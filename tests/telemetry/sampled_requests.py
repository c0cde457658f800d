"""Headers with a sampling decision, and an application that is traced."""

from collections.abc import Awaitable, Callable

import httpx2
from starlette.requests import Request
from starlette.responses import Response

from jubilee.adapters.telemetry.traced_requests import TracedRequests
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.entrypoints.http.framework.context import InFlightRequests
from jubilee.entrypoints.http.framework.edge import EdgeMiddleware
from jubilee.observation.requests import RequestRecord

SAMPLED = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

UNSAMPLED = SAMPLED[:-2] + b"00"

TRACE, PARENT = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331

HEADER = b"traceparent"

Work = Callable[[], Awaitable[None]]


def serving(tracing: Tracing, work: Work) -> httpx2.AsyncClient:
    """Return a client of an application that runs `work` and answers 204."""

    async def respond(_: Request, __: RequestRecord) -> Response:
        await work()
        return Response(status_code=204)

    traced = TracedRequests(EdgeMiddleware(respond, InFlightRequests()), tracing)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(traced), base_url="http://api.test")


async def nothing() -> None:
    pass
