"""The sampling decision of each request, made once."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from jubilee.adapters.telemetry.sampling import SamplingDecision, sampling_decision
from jubilee.adapters.telemetry.tracing import Tracing


class SamplingMiddleware:
    """The outermost middleware where no spans are exported; lines and jobs have the trace's ids."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide whether to sample the request, and set `sampling_decision` while it is served."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        decided = self._tracing.decide(scope["headers"])
        token = sampling_decision.set(decided)
        try:
            await self._serve(decided, scope, receive, send)
        finally:
            sampling_decision.reset(token)

    def _serve(
        self, _: SamplingDecision, scope: Scope, receive: Receive, send: Send
    ) -> Awaitable[None]:
        return self._app(scope, receive, send)
