"""Senders of HTTP requests to other services."""

import asyncio
from importlib import import_module

from jubilee import __version__
from jubilee.domain.outbound.address_policy import AddressFilter
from jubilee.domain.outbound.request import HttpRequest
from jubilee.domain.outbound.sending import (
    DEFAULT_TIMEOUTS,
    HttpReply,
    HttpSender,
    RequestTimeouts,
)

HTTP_SENDER = "jubilee.adapters.http_sender"
"""Imported where requests are sent: most processes send none, and its library has 50 modules."""


def http_sender(timeouts: RequestTimeouts = DEFAULT_TIMEOUTS, **bounds: int) -> HttpSender:
    """Import and build a sender, which reads certificates; `bounds` are those of the class."""
    module, user_agent = import_module(HTTP_SENDER), f"Jubilee/{__version__}"
    sender: HttpSender = module.PinnedHttpSender(user_agent, timeouts=timeouts, **bounds)
    return sender


class HttpSenderAtFirstUse(HttpSender):
    """Builds a sender when the first request is sent."""

    def __init__(self) -> None:
        self._sender: HttpSender | None = None

    async def send(self, request: HttpRequest, allows: AddressFilter) -> HttpReply:
        if self._sender is None:
            self._sender = await asyncio.to_thread(http_sender)
        return await self._sender.send(request, allows)
