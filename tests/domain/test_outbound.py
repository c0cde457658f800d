"""`http.request`: what may be asked for, who reaches what, and what is made of the answer."""

import json
from collections.abc import Mapping
from ipaddress import ip_address, ip_network

import pytest

from jubilee.domain.jobs.kinds import InvalidPayload, JobError, PermanentFailure
from jubilee.domain.outbound.address_policy import AllowedHost, OutboundRules, is_public
from jubilee.domain.outbound.request import read_request, redacted_request
from jubilee.domain.outbound.sending import AddressNotAllowed, HttpReply, SendHttpRequest
from tests.fakes.claimed_jobs import JOB, Ends, claimed
from tests.fakes.outbound import FakeSender

URL = "https://hooks.example.com/in"
CLOSED = OutboundRules()


def rules(*hosts: str, networks: tuple[str, ...] = ()) -> OutboundRules:
    return OutboundRules(
        tuple(AllowedHost.parse(host) for host in hosts),
        tuple(ip_network(network) for network in networks),
    )


def reaches(given: OutboundRules, url: str, address: str, *, by_admin: bool = False) -> bool:
    request = read_request({"url": url})
    allows = given.filter_for(request.host, request.port, by_admin=by_admin)
    return allows is not None and allows(ip_address(address))


def pointer_of(data: Mapping[str, object]) -> str:
    with pytest.raises(InvalidPayload) as refused:
        read_request(data)
    return refused.value.pointer


def test_a_url_is_enough() -> None:
    request = read_request({"url": "HTTPS://Hooks.Example.com.:8443?a=b#part"})
    assert (request.method, request.scheme, request.target) == ("POST", "https", "/?a=b")
    assert (request.host, request.authority) == ("hooks.example.com", "hooks.example.com:8443")
    assert (request.headers, request.body) == ((), None)


def test_the_host_header_leaves_the_usual_port_out() -> None:
    assert read_request({"url": "http://a.example:80/"}).authority == "a.example"
    assert read_request({"url": "http://[2001:DB8::1]:443/"}).authority == "[2001:db8::1]:443"


@pytest.mark.parametrize("body", [None, 0, "text", [1], {"a": {"b": True}}])
def test_any_json_is_a_body(body: object) -> None:
    request = read_request({"url": URL, "body": body})
    assert json.loads(request.body or b"") == body
    assert request.headers == (("content-type", "application/json"),)


def test_a_text_with_a_content_type_goes_out_as_it_is() -> None:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    request = read_request({"url": URL, "headers": headers, "body": "grüß"})
    assert request.body == "grüß".encode()
    assert request.headers == (("content-type", "text/plain; charset=utf-8"),)


def test_json_may_have_a_type_of_its_own() -> None:
    headers = {"content-type": "application/vnd.example+json"}
    request = read_request({"url": URL, "headers": headers, "body": {"a": 1}})
    assert (request.body, dict(request.headers)) == (b'{"a":1}', headers)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "https://",
        "https:///path",
        "https://zoe:secret@hooks.example.com/",
        "https://zoe@hooks.example.com/",
        "https://hooks.example.com\\@evil.example/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nHost: evil.example",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:65536/",
        "https://hooks.example.com:port/",
        "https://bücher.example/",
        "https://-hooks.example.com/",
        "https://hooks..example.com/",
        f"https://{'a' * 64}.example.com/",
        f"https://{'a.' * 127}com/",
        f"https://hooks.example.com/{'a' * 2048}",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://1.2.3.256/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://[127.0.0.1]/",
        "http://%31%32%37.0.0.1/",
    ],
)
def test_a_url_that_could_be_read_in_two_ways_is_refused(url: str) -> None:
    assert pointer_of({"url": url}) == "/data/url"


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({}, "/data/url"),
        ({"url": 7}, "/data/url"),
        ({"url": URL, "methods": "POST"}, "/data/methods"),
        ({"url": URL, "method": "post"}, "/data/method"),
        ({"url": URL, "method": "CONNECT"}, "/data/method"),
        ({"url": URL, "method": None}, "/data/method"),
        ({"url": URL, "method": "GET", "body": 1}, "/data/body"),
        ({"url": URL, "body": "\ud800", "headers": {"content-type": "a/b"}}, "/data/body"),
        ({"url": URL, "headers": []}, "/data/headers"),
        ({"url": URL, "headers": None}, "/data/headers"),
        ({"url": URL, "headers": {f"x-{n}": "" for n in range(51)}}, "/data/headers"),
        ({"url": URL, "headers": {"x-a": 1}}, "/data/headers/x-a"),
        ({"url": URL, "headers": {"x-a": "b\r\nx-c: d"}}, "/data/headers/x-a"),
        ({"url": URL, "headers": {"x-a": "b\n"}}, "/data/headers/x-a"),
        ({"url": URL, "headers": {"x-a": " b"}}, "/data/headers/x-a"),
        ({"url": URL, "headers": {"x-a": "grüß"}}, "/data/headers/x-a"),
        ({"url": URL, "headers": {"x-a": "b" * 8193}}, "/data/headers/x-a"),
        ({"url": URL, "headers": {"x a": "b"}}, "/data/headers/x a"),
        ({"url": URL, "headers": {"": "b"}}, "/data/headers/"),
        ({"url": URL, "headers": {"x" * 101: "b"}}, f"/data/headers/{'x' * 101}"),
        ({"url": URL, "headers": {"X-A": "b", "x-a": "b"}}, "/data/headers/x-a"),
        ({"url": URL, "headers": {"Host": "evil.example"}}, "/data/headers/Host"),
        ({"url": URL, "headers": {"content-LENGTH": "0"}}, "/data/headers/content-LENGTH"),
        ({"url": URL, "headers": {"Transfer-Encoding": "x"}}, "/data/headers/Transfer-Encoding"),
        ({"url": URL, "headers": {"Idempotency-Key": "x"}}, "/data/headers/Idempotency-Key"),
        ({"url": URL, "headers": {"Connection": "close"}}, "/data/headers/Connection"),
        ({"url": URL, "headers": {"TE": "trailers"}}, "/data/headers/TE"),
    ],
)
def test_what_is_wrong_is_named(data: Mapping[str, object], pointer: str) -> None:
    assert pointer_of(data) == pointer


def test_headers_and_what_sounds_secret_are_not_shown() -> None:
    url = f"{URL}?page=2&api_key=s3cret&X-Signature=abc#x"
    shown = redacted_request({"url": url, "headers": {"Authorization": "Bearer s3cret"}, "body": 1})
    assert shown == {
        "url": f"{URL}?page=2&api_key=***&X-Signature=***#x",
        "headers": {"Authorization": "***"},
        "body": 1,
    }
    assert "s3cret" not in repr(read_request({"url": url, "headers": {"a": "s3cret"}}))


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"],
)
def test_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254"),
        *("172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1"),
        *("192.168.1.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "255.255.255.255"),
        *("100.100.100.200", "168.63.129.16", "240.0.0.1"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2002:7f00:1::"),
        *("2001::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1"),
        *("fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"),
        "2606:4700::1111%eth0",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not reaches(CLOSED, URL, address, by_admin=True)


def test_by_default_admins_reach_what_is_public_and_others_nothing() -> None:
    assert reaches(CLOSED, URL, "93.184.216.34", by_admin=True)
    assert not reaches(CLOSED, URL, "93.184.216.34")
    assert CLOSED.filter_for("hooks.example.com", 443, by_admin=False) is None


@pytest.mark.parametrize(
    ("allowed", "url", "expected"),
    [
        ("hooks.example.com", "https://hooks.example.com/", True),
        ("Hooks.Example.com", "https://hooks.example.com:8443/", True),
        ("hooks.example.com", "https://a.hooks.example.com/", False),
        ("hooks.example.com:443", "https://hooks.example.com/", True),
        ("hooks.example.com:443", "http://hooks.example.com/", False),
        ("*.example.com", "https://a.hooks.example.com/", True),
        ("*.example.com", "https://example.com/", False),
        ("*.example.com", "https://evilexample.com/", False),
        ("*.example.com:8443", "https://hooks.example.com:8443/", True),
        ("*.example.com:8443", "https://hooks.example.com/", False),
        ("93.184.216.34", "http://93.184.216.34/", True),
    ],
)
def test_hosts_are_allowed_by_name(allowed: str, url: str, *, expected: bool) -> None:
    assert reaches(rules(allowed), url, "93.184.216.34") is expected


@pytest.mark.parametrize("text", ["", "*", "*.", "a b", "https://a.example", "a.example:0", "[x]"])
def test_a_host_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        AllowedHost.parse(text)


def test_an_allowed_host_may_be_private_but_never_where_metadata_are() -> None:
    given = rules("hooks.example.com")
    for private in ("10.1.2.3", "127.0.0.1", "::1", "fd12::1", "::ffff:192.168.1.1"):
        assert reaches(given, URL, private)
    for never in ("169.254.169.254", "fe80::1", "100.100.100.200", "fd00:ec2::254", "0.0.0.0"):
        assert not reaches(given, URL, never)


def test_an_allowed_network_is_for_everybody_whatever_the_name() -> None:
    given = rules(networks=("10.1.0.0/16", "fd12::/32", "169.254.169.254/32"))
    for inside in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::9", "169.254.169.254"):
        assert reaches(given, URL, inside)
    for outside in ("10.2.0.1", "93.184.216.34", "::1"):
        assert not reaches(given, URL, outside)


async def run(sender: FakeSender, *, by_admin: bool = True, **data: object) -> Ends:
    ends, kind = Ends(), SendHttpRequest(sender, CLOSED)
    payload = kind.read({"url": URL, **data})
    await kind.run(claimed(payload, by_admin=by_admin), ends.finish)
    return ends


async def test_the_answer_becomes_the_result_and_the_job_is_the_key() -> None:
    headers = {"content-type": "text/plain", "set-cookie": "session=s3cret"}
    sender = FakeSender(reply=HttpReply(201, headers, b"thanks \xff\0", truncated=False))
    ends = await run(sender, headers={"X-Token": "s3cret"})
    assert ends.results == [
        {
            "status": 201,
            "headers": {"content-type": "text/plain"},
            "body": "thanks \ufffd\ufffd",
            "truncated": False,
        }
    ]
    assert dict(sender.sent[0].headers) == {"x-token": "s3cret", "idempotency-key": str(JOB)}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 599])
async def test_a_server_that_cannot_now_is_asked_again(status: int) -> None:
    with pytest.raises(JobError, match=str(status)) as failed:
        await run(FakeSender(reply=HttpReply(status, {}, b"", truncated=False)))
    assert not isinstance(failed.value, PermanentFailure)


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"retry-after": "120"}, 120),
        (503, {"retry-after": "120"}, 120),
        (503, {"retry-after": "Thu, 01 Jan 2026 00:02:00 GMT"}, 120),
        (503, {"retry-after": "soon"}, None),
        (503, {}, None),
        (500, {"retry-after": "120"}, None),
    ],
)
async def test_a_busy_server_says_when(
    status: int, headers: dict[str, str], wait: float | None
) -> None:
    dated = {"date": "Thu, 01 Jan 2026 00:00:00 GMT", **headers}
    with pytest.raises(JobError) as failed:
        await run(FakeSender(reply=HttpReply(status, dated, b"", truncated=False)))
    assert failed.value.retry_in == wait


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308, 400, 401, 404, 410, 422])
async def test_a_server_that_will_not_is_not_asked_again(status: int) -> None:
    with pytest.raises(PermanentFailure, match=str(status)):
        await run(FakeSender(reply=HttpReply(status, {}, b"", truncated=False)))


async def test_whoever_is_no_admin_any_more_reaches_nothing() -> None:
    sender = FakeSender()
    with pytest.raises(AddressNotAllowed):
        await run(sender, by_admin=False)
    assert not sender.sent


@pytest.mark.parametrize("body", [b"a" * 65_536, "ü€😀".encode() * 7000, b"\x01" * 65_536])
async def test_a_result_fits_whatever_its_characters_cost(body: bytes) -> None:
    ends = await run(FakeSender(reply=HttpReply(200, {}, body, truncated=False)))
    result = ends.results[0] or {}
    assert 60_000 < len(json.dumps(result)) <= 65_536
    assert result["truncated"] is True
