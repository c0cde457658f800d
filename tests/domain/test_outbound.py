"""The kind `http.request`: its payload, the addresses it may reach, and its result."""

import json
from collections.abc import Mapping

import pytest

from jubilee.domain.jobs.kinds import InvalidPayload, JobError, PermanentFailure
from jubilee.domain.outbound.address_policy import OutboundRules
from jubilee.domain.outbound.request import read_request, redacted_request
from jubilee.domain.outbound.sending import AddressNotAllowed, HttpReply, SendHttpRequest
from tests.fakes.job_contexts import JOB, RecordedCompletions, job_context
from tests.fakes.outbound import FakeHttpSender

URL = "https://hooks.example.com/in"

NO_HOSTS_ALLOWED = OutboundRules()


def pointer_of(data: Mapping[str, object]) -> str:
    with pytest.raises(InvalidPayload) as refused:
        read_request(data)
    return refused.value.pointer


def test_only_the_url_is_required() -> None:
    request = read_request({"url": "HTTPS://Hooks.Example.com.:8443?a=b#part"})
    assert (request.method, request.scheme, request.target) == ("POST", "https", "/?a=b")
    assert (request.host, request.authority) == ("hooks.example.com", "hooks.example.com:8443")
    assert (request.headers, request.body) == ((), None)


def test_the_authority_omits_the_default_port() -> None:
    assert read_request({"url": "http://a.example:80/"}).authority == "a.example"
    assert read_request({"url": "http://[2001:DB8::1]:443/"}).authority == "[2001:db8::1]:443"


@pytest.mark.parametrize("body", [None, 0, "text", [1], {"a": {"b": True}}])
def test_any_json_value_is_a_body(body: object) -> None:
    request = read_request({"url": URL, "body": body})
    assert json.loads(request.body or b"") == body
    assert request.headers == (("content-type", "application/json"),)


def test_a_text_body_with_a_content_type_is_sent_unchanged() -> None:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    request = read_request({"url": URL, "headers": headers, "body": "grüß"})
    assert request.body == "grüß".encode()
    assert request.headers == (("content-type", "text/plain; charset=utf-8"),)


def test_a_json_body_may_have_another_content_type() -> None:
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
def test_an_invalid_or_ambiguous_url_is_refused(url: str) -> None:
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
def test_an_invalid_member_is_named(data: Mapping[str, object], pointer: str) -> None:
    assert pointer_of(data) == pointer


def test_headers_and_secret_looking_parameters_are_redacted() -> None:
    url = f"{URL}?page=2&api_key=s3cret&X-Signature=abc#x"
    redacted = redacted_request(
        {"url": url, "headers": {"Authorization": "Bearer s3cret"}, "body": 1}
    )
    assert redacted == {
        "url": f"{URL}?page=2&api_key=***&X-Signature=***#x",
        "headers": {"Authorization": "***"},
        "body": 1,
    }
    assert "s3cret" not in repr(read_request({"url": url, "headers": {"a": "s3cret"}}))


async def run(
    sender: FakeHttpSender, *, by_admin: bool = True, **data: object
) -> RecordedCompletions:
    completions, kind = RecordedCompletions(), SendHttpRequest(sender, NO_HOSTS_ALLOWED)
    payload = kind.read({"url": URL, **data})
    await kind.run(job_context(payload, by_admin=by_admin), completions.complete)
    return completions


def test_lists_show_a_request_without_its_secrets() -> None:
    data = {"url": f"{URL}?token=s3cret", "headers": {"X-Token": "s3cret"}}
    kind = SendHttpRequest(FakeHttpSender(), NO_HOSTS_ALLOWED)
    assert kind.redact(data) == redacted_request(data)
    assert "s3cret" not in str(kind.redact(data))


async def test_the_result_is_the_reply_and_the_idempotency_key_is_the_job() -> None:
    headers = {"content-type": "text/plain", "set-cookie": "session=s3cret"}
    sender = FakeHttpSender(reply=HttpReply(201, headers, b"thanks \xff\0", truncated=False))
    completions = await run(sender, headers={"X-Token": "s3cret"})
    assert completions.results == [
        {
            "status": 201,
            "headers": {"content-type": "text/plain"},
            "body": "thanks \ufffd\ufffd",
            "truncated": False,
        }
    ]
    assert dict(sender.sent[0].headers) == {"x-token": "s3cret", "idempotency-key": str(JOB)}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 599])
async def test_a_temporary_error_status_is_retried(status: int) -> None:
    with pytest.raises(JobError, match=str(status)) as failed:
        await run(FakeHttpSender(reply=HttpReply(status, {}, b"", truncated=False)))
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
async def test_retry_after_of_429_and_503_sets_the_delay(
    status: int, headers: dict[str, str], wait: float | None
) -> None:
    dated = {"date": "Thu, 01 Jan 2026 00:00:00 GMT", **headers}
    with pytest.raises(JobError) as failed:
        await run(FakeHttpSender(reply=HttpReply(status, dated, b"", truncated=False)))
    assert failed.value.retry_in == wait


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308, 400, 401, 404, 410, 422])
async def test_a_redirect_or_client_error_is_permanent(status: int) -> None:
    with pytest.raises(PermanentFailure, match=str(status)):
        await run(FakeHttpSender(reply=HttpReply(status, {}, b"", truncated=False)))


async def test_an_owner_who_is_no_longer_admin_reaches_nothing() -> None:
    sender = FakeHttpSender()
    with pytest.raises(AddressNotAllowed):
        await run(sender, by_admin=False)
    assert not sender.sent


@pytest.mark.parametrize("body", [b"a" * 65_536, "ü€😀".encode() * 7000, b"\x01" * 65_536])
async def test_a_large_reply_is_truncated_to_the_size_of_a_result(body: bytes) -> None:
    completions = await run(FakeHttpSender(reply=HttpReply(200, {}, body, truncated=False)))
    result = completions.results[0] or {}
    assert 60_000 < len(json.dumps(result)) <= 65_536
    assert result["truncated"] is True
