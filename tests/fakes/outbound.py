"""A sender of HTTP requests that connects to nothing."""

from dataclasses import dataclass, field
from ipaddress import ip_address

from jubilee.domain.outbound.address_policy import AddressFilter
from jubilee.domain.outbound.request import HttpRequest
from jubilee.domain.outbound.sending import AddressNotAllowed, HttpReply, HttpSender


@dataclass(slots=True)
class FakeHttpSender(HttpSender):
    """Resolve every host to `address`, and answer with `reply`."""

    address: str = "93.184.216.34"
    reply: HttpReply = field(default_factory=lambda: HttpReply(200, {}, b"", truncated=False))
    sent: list[HttpRequest] = field(default_factory=list)

    async def send(self, request: HttpRequest, allows: AddressFilter) -> HttpReply:
        if not allows(ip_address(self.address)):
            raise AddressNotAllowed
        self.sent.append(request)
        return self.reply
