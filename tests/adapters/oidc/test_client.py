"""What a client of a provider sends, and which answers it takes."""

import asyncio
from dataclasses import dataclass, field

import pytest

from jubilee.adapters.oidc.client import MAX_REQUESTS, PAUSE_S, ProviderClient
from jubilee.domain.identities.identity import ProviderUnavailable
from jubilee.domain.outbound.address_policy import AddressFilter
from jubilee.domain.outbound.request import HttpRequest
from jubilee.domain.outbound.sending import HttpReply, HttpSender, Unreachable

URL = "https://issuer.example/token"


@dataclass(slots=True)
class ScriptedSender(HttpSender):
    """Replies as the test says, once it may."""

    reply: HttpReply | Exception = field(default_factory=lambda: reply(200))
    requests: list[HttpRequest] = field(default_factory=list)
    may_reply: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, request: HttpRequest, allows: AddressFilter) -> HttpReply:
        del allows
        self.requests.append(request)
        await self.may_reply.wait()
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


def reply(status: int, body: bytes = b'{"a": 1}', *, truncated: bool = False) -> HttpReply:
    return HttpReply(status, {}, body, truncated)


class Clock:
    """Seconds that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sender() -> ScriptedSender:
    scripted = ScriptedSender()
    scripted.may_reply.set()
    return scripted


@pytest.fixture
def client(sender: ScriptedSender, clock: Clock) -> ProviderClient:
    return ProviderClient(sender, clock)


@pytest.mark.parametrize(
    ("given", "content", "members"),
    [
        (reply(200), {"a": 1}, {"a": 1}),
        (reply(200, b"[1]"), [1], {}),
        (reply(200, b"no JSON"), None, {}),
        (reply(200, b"[" * 60_000), None, {}),
        (reply(499), {"a": 1}, {}),
        (reply(201), {"a": 1}, {}),
    ],
)
async def test_an_answer_below_500_is_taken_and_has_members_if_it_succeeded(
    client: ProviderClient,
    sender: ScriptedSender,
    given: HttpReply,
    content: object,
    members: object,
) -> None:
    sender.reply = given
    answer = await client.get(URL)
    assert (answer.status, answer.content, answer.members) == (given.status, content, members)


@pytest.mark.parametrize(
    "given", [reply(500), reply(503), reply(200, truncated=True), Unreachable("no route")]
)
async def test_after_a_failure_the_provider_is_not_asked_for_a_pause(
    client: ProviderClient, sender: ScriptedSender, clock: Clock, given: HttpReply | Exception
) -> None:
    sender.reply = given
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            await client.get(URL)
    assert len(sender.requests) == 1
    sender.reply = reply(200)
    clock.now += PAUSE_S - 0.5
    with pytest.raises(ProviderUnavailable):
        await client.get(URL)
    clock.now += 0.5
    assert (await client.get(URL)).status == 200


async def test_further_requests_are_refused_while_many_wait(
    client: ProviderClient, sender: ScriptedSender
) -> None:
    sender.may_reply.clear()
    waiting = [asyncio.create_task(client.get(URL)) for _ in range(MAX_REQUESTS)]
    while len(sender.requests) < MAX_REQUESTS:  # noqa: ASYNC110  # the sender has no event for it
        await asyncio.sleep(0)
    with pytest.raises(ProviderUnavailable):
        await client.get(URL)
    sender.may_reply.set()
    assert [answer.status for answer in await asyncio.gather(*waiting)] == [200] * MAX_REQUESTS
    assert (await client.get(URL)).status == 200


async def test_a_get_has_a_token_and_a_post_has_a_form(
    client: ProviderClient, sender: ScriptedSender
) -> None:
    await client.get(URL, token="t-1")
    await client.get(URL)
    await client.post(URL, {"code": "a b"}, {"authorization": "Basic x"})
    first, second, third = (dict(request.headers) for request in sender.requests)
    assert first == {"accept": "application/json", "authorization": "Bearer t-1"}
    assert second == {"accept": "application/json"}
    assert (third["content-type"], third["authorization"]) == (
        "application/x-www-form-urlencoded",
        "Basic x",
    )
    assert [request.method for request in sender.requests] == ["GET", "GET", "POST"]
    assert sender.requests[2].body == b"code=a+b"
