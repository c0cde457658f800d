"""The addresses to which requests are sent: checked once, then kept."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from jubilee.adapters.http_sender import PinnedHttpSender, system_resolver
from jubilee.domain.ip_addresses import Address
from jubilee.domain.outbound.address_policy import (
    AddressFilter,
    AllowedHost,
    OutboundRules,
)
from jubilee.domain.outbound.request import read_request
from jubilee.domain.outbound.sending import AddressNotAllowed, Unreachable
from tests.adapters.http_receiver import TIMEOUTS, Serve, allow_all, receivers, sender

LOCAL = ip_address("127.0.0.1")
IMPATIENT = replace(TIMEOUTS, connect_s=1)  # with what does not answer
LOOPS_THREADS = 32  # the most that the event loop has for lookups and files


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with receivers() as serve:
        yield serve


def for_admins(host: str, *allowed: str) -> AddressFilter:
    rules = OutboundRules(tuple(AllowedHost.parse(text) for text in allowed))
    allows = rules.filter_for(host, 80, by_admin=True)
    assert allows is not None
    return allows


async def test_check_40_a_name_is_resolved_once(serve: Serve) -> None:
    receiver = await serve()
    request = read_request({"url": f"http://rebind.test:{receiver.port}"})
    rebinding = sender("192.0.2.1", "127.0.0.1", timeouts=IMPATIENT)  # the first never answers
    checked: list[Address] = []

    def first_only(address: Address) -> bool:
        checked.append(address)
        return address != LOCAL

    with pytest.raises(Unreachable):
        await rebinding.send(request, first_only)
    assert checked == [ip_address("192.0.2.1")]
    assert not receiver.requests


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "fe80::1"],
)
async def test_check_40_a_public_name_of_a_private_address_is_refused(
    serve: Serve, address: str
) -> None:
    receiver = await serve()
    request = read_request({"url": f"http://inward.test:{receiver.port}"})
    with pytest.raises(AddressNotAllowed):
        await sender(address).send(request, for_admins("inward.test"))
    assert not receiver.requests


async def test_only_allowed_addresses_of_a_name_are_tried(serve: Serve) -> None:
    receiver = await serve()
    request = read_request({"url": f"http://both.test:{receiver.port}"})
    tried = sender("127.0.0.2 127.0.0.1")
    await tried.send(request, lambda address: address == LOCAL)
    assert len(receiver.requests) == 1


async def test_the_next_address_is_tried_after_a_refused_connection(serve: Serve) -> None:
    receiver = await serve()
    request = read_request({"url": f"http://both.test:{receiver.port}"})
    reply = await sender("127.0.0.9 127.0.0.1").send(request, allow_all)
    assert reply.status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_a_literal_address_is_checked(serve: Serve, host: str) -> None:
    receiver = await serve(host="127.0.0.1" if "127" in host else "::1")
    request = read_request({"url": f"http://{host}:{receiver.port}"})
    real = PinnedHttpSender("Jubilee/test", timeouts=TIMEOUTS)
    with pytest.raises(AddressNotAllowed):
        await real.send(request, for_admins(request.host))
    assert (await real.send(request, for_admins(request.host, host))).status == 200
    assert f"host: {request.authority}".encode() in receiver.requests[0]


async def test_names_are_resolved_by_the_system() -> None:
    assert LOCAL in await system_resolver()("localhost", 80)


async def test_a_silent_name_server_does_not_hold_up_other_connections(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, look_up, release = await serve(), socket.getaddrinfo, threading.Event()

    def hang(host: str, *given: Any, **more: Any) -> Any:
        if host == "silent.test":
            release.wait(20)
        return look_up("localhost", *given, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    resolve = system_resolver()
    lookups = [asyncio.ensure_future(resolve("silent.test", 80)) for _ in range(LOOPS_THREADS)]
    await asyncio.sleep(0)  # they begin
    try:
        async with asyncio.timeout(15):
            _, writer = await asyncio.open_connection("database.test", receiver.port)
        writer.close()
    finally:
        release.set()
        await asyncio.gather(*lookups)


async def test_a_name_without_an_address_is_unreachable() -> None:
    request = read_request({"url": "http://missing.invalid/"})
    with pytest.raises(Unreachable):
        await PinnedHttpSender("Jubilee/test", timeouts=IMPATIENT).send(request, allow_all)


async def test_a_hanging_resolver_times_out() -> None:
    async def hang(_: str, __: int) -> Sequence[Address]:
        await asyncio.sleep(60)
        return []

    hanging = PinnedHttpSender("Jubilee/test", resolve=hang, timeouts=IMPATIENT)
    with pytest.raises(Unreachable, match="in time"):
        await hanging.send(read_request({"url": "http://hooks.test"}), allow_all)


async def test_proxies_of_the_environment_are_not_used(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, proxy = await serve(), await serve()
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
    request = read_request({"url": f"http://hooks.test:{receiver.port}"})
    await sender("127.0.0.1").send(request, allow_all)
    assert (len(receiver.requests), proxy.requests) == (1, [])
