"""The address of a client behind proxies."""

from ipaddress import ip_network

import httpx2
import pytest

from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.connections.refusals import MalformedRequest, Refusals, Refused
from jubilee.entrypoints.http.framework.client_address import MAX_HOPS, TrustedProxies
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests
from jubilee.entrypoints.http.framework.edge import EdgeRules
from tests.conftest import PASSWORD, SignUp
from tests.http.sockets import HOST, Recorder, RecordingObserver, Wire

PEER, CLIENT, FORGED, STRANGER = "10.0.0.1", "192.0.2.7", "198.51.100.9", "203.0.113.5"
NETWORKS = ("10.0.0.0/8", "fd00::/8")
PROXIES = TrustedProxies(ip_network(network) for network in NETWORKS)


def client_of(*headers: tuple[str, str], peer: str = PEER) -> str:
    return PROXIES.client_of(
        peer, [(name.encode(), text.encode("latin-1")) for name, text in headers]
    )


@pytest.mark.parametrize("peer", [STRANGER, "2001:db8::1", "::ffff:203.0.113.5", "", "testclient"])
@pytest.mark.parametrize("header", [("x-forwarded-for", FORGED), ("forwarded", f"for={FORGED}")])
def test_an_untrusted_peer_is_the_client_itself(peer: str, header: tuple[str, str]) -> None:
    assert client_of(header, peer=peer) == peer


@pytest.mark.parametrize("peer", [PEER, "::ffff:10.0.0.1", "fd00::1"])
def test_without_a_header_a_trusted_peer_is_the_client(peer: str) -> None:
    assert client_of(("x-real-ip", FORGED), peer=peer) == peer


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (CLIENT, CLIENT),
        (f"{FORGED}, {CLIENT}", CLIENT),
        (f"{FORGED},{CLIENT},10.0.0.3,\t10.0.0.2 ", CLIENT),
        (f"not an address, {CLIENT}", CLIENT),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("192.0.2.7:5000", CLIENT),
        ("2001:DB8::0001", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:5000", "2001:db8::1"),
        ("::ffff:192.0.2.7", CLIENT),
        (f"{CLIENT}, ::ffff:10.0.0.2", CLIENT),
    ],
)
def test_x_forwarded_for_is_read_from_the_right(written: str, address: str) -> None:
    assert client_of(("x-forwarded-for", written)) == address


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (f"for={CLIENT}", CLIENT),
        (f'For="{CLIENT}:47011";proto=https', CLIENT),
        (f"for={FORGED}, for={CLIENT};by=10.0.0.1, for=10.0.0.2", CLIENT),
        (f"proto=http; for={CLIENT}", CLIENT),
        ('for="[2001:db8::1]:80"', "2001:db8::1"),
        (f'for={CLIENT};host="a,for={FORGED};b="', CLIENT),
        (f"for=unknown, for=_hidden, for={CLIENT}", CLIENT),
    ],
)
def test_forwarded_is_read_from_the_right(written: str, address: str) -> None:
    assert client_of(("forwarded", written)) == address


MALFORMED = {
    "x-forwarded-for": [
        *("", "unknown", f"{CLIENT},", f"{CLIENT} {FORGED}", "192.0.2.256", "fe80::1%x", "[::1"),
        *("é", "1" * 90),
    ],
    "forwarded": [
        *("", CLIENT, "for=unknown", "for=_hidden", "by=10.0.0.2", f"for={CLIENT}; é"),
        *(f'for="{CLIENT}', 'for="\\1"', f"for={FORGED}, " * 300 + f"for={CLIENT}"),
    ],
}


@pytest.mark.parametrize(
    "header", [(name, text) for name, texts in MALFORMED.items() for text in texts]
)
def test_a_malformed_header_leaves_the_peer(header: tuple[str, str]) -> None:
    assert client_of(header) == PEER


def test_lines_of_a_header_follow_one_another() -> None:
    lines = ("x-forwarded-for", FORGED), ("x-forwarded-for", f"{CLIENT}, 10.0.0.2")
    assert client_of(*lines) == CLIENT


def test_headers_that_contradict_each_other_leave_the_peer() -> None:
    forged = ("forwarded", f"for={FORGED}")
    assert client_of(("x-forwarded-for", CLIENT), forged) == PEER
    assert client_of(("x-forwarded-for", FORGED), forged) == FORGED


def test_only_so_many_hops_are_read() -> None:
    hops = ", 10.0.0.2" * (MAX_HOPS - 1)
    assert client_of(("x-forwarded-for", f"10.0.0.9{hops}")) == "10.0.0.9"
    assert client_of(("x-forwarded-for", f"10.0.0.9{hops}, 10.0.0.2")) == PEER
    assert client_of(("x-forwarded-for", f"{CLIENT}{hops}")) == CLIENT
    assert client_of(("x-forwarded-for", f"{CLIENT}{hops}, 10.0.0.2, 10.0.0.2")) == PEER


@pytest.mark.parametrize(("peer", "address"), [(PEER, CLIENT), (STRANGER, STRANGER)])
async def test_check_12_only_a_trusted_proxy_names_the_client_of_sessions_and_logs(
    services: Services, sign_up: SignUp, peer: str, address: str
) -> None:
    zoe, observer = await sign_up("zoe"), RecordingObserver()
    options = HttpOptions(
        limits=BodyLimits(1 << 20, 5),
        cursor_keys=(b"c" * 32,),
        edge=EdgeRules(PROXIES),
        meter=observer,
    )
    app = build_app(services, options, InFlightRequests())
    transport = httpx2.ASGITransport(app, client=(peer, 50_000))
    forwarded = {"X-Forwarded-For": f"{FORGED}, {CLIENT}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        body = {"username": "zoe", "password": PASSWORD}
        await client.post("/auth/token", json=body, headers=forwarded)
        sessions = (await client.get("/auth/sessions", headers=zoe.headers)).json()["items"]
    assert address in {session["ip"] for session in sessions}
    signed_in, listed = observer.requests
    assert signed_in.client == address
    assert (signed_in.received > 0, listed.received) == (True, 0)


def test_a_refused_request_is_recorded_with_its_client() -> None:
    observer = RecordingObserver()
    headers = [(b"x-forwarded-for", CLIENT.encode())]
    Refusals(observer, EdgeRules(PROXIES)).write(
        MalformedRequest(), Refused(headers, (PEER, 1)), []
    )
    assert [record.client for record in observer.requests] == [CLIENT]


async def test_the_server_itself_reads_no_forwarded_header(wire: Wire, recorder: Recorder) -> None:
    forwarded = b"X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\n\r\n"
    assert (await wire.request(b"GET / HTTP/1.1\r\n", HOST, forwarded)).status == 200
    scope = recorder.scopes[0]
    assert (scope["client"][0], scope["scheme"]) == ("127.0.0.1", "http")
