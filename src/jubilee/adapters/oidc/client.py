"""Requests to one provider, bounded in time, size and number."""

import json
from asyncio import Semaphore
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from jubilee.domain.identities.identity import ProviderUnavailable
from jubilee.domain.jobs.kinds import InvalidPayload, JobError
from jubilee.domain.outbound.address_policy import AddressFilter, AllowedHost, OutboundRules
from jubilee.domain.outbound.request import HttpRequest, read_request
from jubilee.domain.outbound.sending import HttpReply, HttpSender

MAX_REQUESTS = 8  # at once; further ones are refused at once, as a slow provider is
PAUSE_S = 5.0  # after a failure, in which the provider is not asked
OK, SERVER_ERROR = 200, 500
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """A status below 500, and the JSON of the body; None if it is none."""

    status: int
    content: object

    @property
    def members(self) -> Mapping[str, Any]:
        """The members of the body; empty unless it is an object of a successful answer."""
        if self.status == OK and isinstance(self.content, dict):
            return self.content
        return {}


class ProviderClient:
    """Sends requests to a provider, at public addresses, or where `private` also at others."""

    def __init__(
        self, sender: HttpSender, elapsed: Callable[[], float], *, private: bool = False
    ) -> None:
        """`elapsed` returns seconds that never go back."""
        self._sender = sender
        self._elapsed = elapsed
        self._private = private
        self._slots = Semaphore(MAX_REQUESTS)
        self._paused_until = 0.0

    async def get(self, url: str, *, token: str | None = None) -> ProviderAnswer:
        """Send a GET, with a bearer token if there is one; raise ProviderUnavailable."""
        headers = {"accept": "application/json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        return await self._answer({"method": "GET", "url": url, "headers": headers})

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> ProviderAnswer:
        """Send a form; raise ProviderUnavailable."""
        fixed = {"accept": "application/json", "content-type": FORM}
        request = {"url": url, "headers": {**fixed, **headers}, "body": urlencode(form)}
        return await self._answer({"method": "POST", **request})

    async def _answer(self, data: Mapping[str, object]) -> ProviderAnswer:
        if self._elapsed() < self._paused_until:
            raise ProviderUnavailable(reason=f"a request failed in the last {PAUSE_S} s")
        if self._slots.locked():
            raise ProviderUnavailable(reason="too many requests are waiting")
        async with self._slots:
            try:
                return await self._send(data)
            except ProviderUnavailable:
                self._paused_until = self._elapsed() + PAUSE_S
                raise

    async def _send(self, data: Mapping[str, object]) -> ProviderAnswer:
        try:
            request = read_request(data)
            reply = await self._sender.send(request, self._allowed(request))
        except (JobError, InvalidPayload) as error:
            raise ProviderUnavailable(reason=str(error)) from error
        if reply.status >= SERVER_ERROR or reply.truncated:
            raise ProviderUnavailable(reason=f"status {reply.status}, or too large an answer")
        return ProviderAnswer(reply.status, _json(reply))

    def _allowed(self, request: HttpRequest) -> AddressFilter:
        if request.scheme != "https" and not self._private:
            raise ProviderUnavailable(reason="the address is not https")
        host = f"[{request.host}]" if ":" in request.host else request.host
        hosts = (AllowedHost.parse(f"{host}:{request.port}"),) if self._private else ()
        allows = OutboundRules(hosts).filter_for(request.host, request.port, by_admin=True)
        assert allows is not None  # by an admin
        return allows


def _json(reply: HttpReply) -> object:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
