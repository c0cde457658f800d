"""The sender of requests to other services, which is built when it is needed."""

from collections.abc import AsyncIterator

import pytest

from jubilee.bootstrap import outbound
from jubilee.bootstrap.outbound import HttpSenderAtFirstUse
from jubilee.domain.outbound.request import read_request
from jubilee.domain.outbound.sending import HttpSender
from tests.adapters.http_receiver import Serve, allow_all, receivers


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with receivers() as serve:
        yield serve


async def test_a_sender_is_built_for_the_first_request_and_kept(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, built = await serve(), list[HttpSender]()
    build = outbound.http_sender

    def recorded() -> HttpSender:
        built.append(build())
        return built[-1]

    monkeypatch.setattr(outbound, "http_sender", recorded)
    sender = HttpSenderAtFirstUse()
    assert built == []
    request = read_request({"url": f"http://127.0.0.1:{receiver.port}"})
    replies = [await sender.send(request, allow_all) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 200]
    assert (len(built), len(receiver.requests)) == (1, 2)
