"""Invalid requests: a 4xx with pointers, and nothing is written."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jubilee.entrypoints.http.framework.binding import bind_query
from jubilee.entrypoints.http.framework.json_text import faults, may_have_faults, parse_json
from jubilee.entrypoints.http.framework.problems import MalformedBody, MalformedQuery
from jubilee.entrypoints.http.registry import ENDPOINTS
from jubilee.entrypoints.http.user_models import Registration, UserQuery
from tests.conftest import SignUp
from tests.fakes.store import FakeStore
from tests.http.refusals import pointers, problem

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VALID = {"email": "zoe@example.com", "password": "correct horse battery"}

MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "spaces": b"  \n",
    "cut": b'{"email": "zoe@exam',
    "two documents": b"{}{}",
    "trailing comma": b'{"email": "zoe@example.com",}',
    "single quotes": b"{'email': 1}",
    "not UTF-8": b'{"email": "\xff\xfe"}',
    "UTF-16": '{"email": "zoe"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "encoded surrogate": b'{"email": "\xed\xa0\x80"}',
    "NaN": b'{"full_name": NaN}',
    "infinity": b'{"full_name": -Infinity}',
    "duplicate": b'{"email": "a@example.com", "email": "b@example.com"}',
    "duplicate, escaped": b'{"email": 1, "\\u0065mail": 2}',
    "duplicate inside": b'{"full_name": {"a": 1, "a": 2}}',
    "deep lists": b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}",
    "deep objects": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "very deep": b'{"a":' + b"[" * 16_000,
    "brackets that do not match": b'{"a":' + b"[" * 8_000 + b'"' + b"[" * 8_000,
    "raw NUL": b'{"full_name": "\x00"}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_body_that_is_not_json_is_400(
    client: httpx2.AsyncClient, store: FakeStore, body: bytes
) -> None:
    problem(await client.post("/users", content=body, headers=JSON), 400, "malformed_body")
    assert store.users == {}


def with_name(value: str) -> bytes:
    return b'{"email": "zoe@example.com", "password": "x", "full_name": %s}' % value.encode()


INVALID: dict[str, tuple[bytes, str]] = {
    "a list": (b"[]", "#"),
    "a text": (b'"zoe"', "#"),
    "null": (b"null", "#"),
    "a number": (b"1", "#"),
    "nothing": (b"{}", "#/email"),
    "NUL": (with_name('"a\\u0000b"'), "#/full_name"),
    "lone surrogate": (with_name('"\\ud800"'), "#/full_name"),
    "reversed surrogates": (with_name('"\\udc00\\ud800"'), "#/full_name"),
    "NUL deep inside": (with_name('{"a": ["\\u0000"]}'), "#/full_name/a/0"),
    "NUL in a name": (b'{"a\\u0000": 1}', "#"),
    "huge exponent": (with_name("1e400"), "#/full_name"),
    "huge integer": (with_name("9" * 400), "#/full_name"),
    "endless integer": (with_name("9" * 5000), "#/full_name"),
    "integer of 64 bits": (with_name(str(-(2**63))), "#/full_name"),
    "integer of 65 bits": (with_name(str(2**64)), "#/full_name"),
    "number for a text": (with_name("1"), "#/full_name"),
    "list for a text": (with_name('["Zoe"]'), "#/full_name"),
    "text for a truth": (b'{"birthday_greeting": "true"}', "#/birthday_greeting"),
    "number for a truth": (b'{"birthday_greeting": 1}', "#/birthday_greeting"),
    "no such date": (b'{"date_of_birth": "1990-02-30"}', "#/date_of_birth"),
    "seconds for a date": (b'{"date_of_birth": 0}', "#/date_of_birth"),
    "digits for a date": (b'{"date_of_birth": "86400"}', "#/date_of_birth"),
    "time and date": (b'{"date_of_birth": "1990-02-28T00:00:00Z"}', "#/date_of_birth"),
    "no such zone": (b'{"time_zone": "Mars/Olympus"}', "#/time_zone"),
    "path for a zone": (b'{"time_zone": "../../etc/passwd"}', "#/time_zone"),
    "unknown": (b'{"nickname": "z"}', "#/nickname"),
    "unknown with slashes": (b'{"a/b~c": "z"}', "#/a~1b~0c"),
}


@pytest.mark.parametrize(("body", "pointer"), INVALID.values(), ids=INVALID.keys())
async def test_check_38_an_invalid_value_is_422_with_its_pointer(
    client: httpx2.AsyncClient, store: FakeStore, body: bytes, pointer: str
) -> None:
    assert pointer in pointers(await client.post("/users", content=body, headers=JSON))
    assert store.users == {}


async def test_all_violations_are_reported_at_once(client: httpx2.AsyncClient) -> None:
    body = {"email": "no", "username": "-", "time_zone": "x", "extra": 1}
    found = pointers(await client.post("/users", json=body))
    assert found == {"#/email", "#/username", "#/time_zone", "#/extra", "#/password"}


@pytest.mark.parametrize(
    "media", ["", "text/plain", "application/xml", "multipart/form-data", *FORM.values()]
)
async def test_check_29_another_content_type_is_415(client: httpx2.AsyncClient, media: str) -> None:
    headers = {"Content-Type": media} if media else {}
    answer = await client.post("/users", content=json.dumps(VALID).encode(), headers=headers)
    problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "Application/JSON"])
async def test_a_content_type_may_have_parameters(client: httpx2.AsyncClient, media: str) -> None:
    headers = {"Content-Type": media}
    answer = await client.post("/users", content=json.dumps(VALID).encode(), headers=headers)
    assert answer.status_code == 201


async def test_a_body_without_a_length_is_limited(client: httpx2.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * (1 << 16)

    answer = await client.post("/users", content=endless(), headers=JSON)
    problem(answer, 413, "body_too_large")


@pytest.mark.parametrize("length", ["9" * 5000, "16385", "000016385"])
async def test_a_content_length_beyond_the_limit_is_refused(
    client: httpx2.AsyncClient, length: str
) -> None:
    headers = {**JSON, "Content-Length": length}
    problem(await client.post("/users", content=b"{}", headers=headers), 413, "body_too_large")


FORMS: dict[str, tuple[bytes, int, str, set[str]]] = {
    "not UTF-8": (b"username=\xff", 400, "malformed_body", set()),
    "not UTF-8, escaped": (b"username=%ff", 400, "malformed_body", set()),
    "too many": (b"a=1&" * 200, 400, "malformed_body", set()),
    "NUL": (b"username=a%00b&password=x", 422, "invalid_request", {"#/username"}),
    "twice": (b"username=a&username=b&password=x", 422, "invalid_request", {"#/username"}),
    "nothing": (b"", 422, "invalid_request", {"#/username", "#/password"}),
    "empty": (b"username=&password=", 422, "invalid_request", {"#/username", "#/password"}),
}


@pytest.mark.parametrize(("form", "status", "code", "pointer"), FORMS.values(), ids=FORMS.keys())
async def test_a_form_is_validated(
    client: httpx2.AsyncClient, form: bytes, status: int, code: str, pointer: set[str]
) -> None:
    answer = await client.post("/auth/token", content=form, headers=FORM)
    document = problem(answer, status, code)
    assert {violation["pointer"] for violation in document.get("errors", [])} == pointer


QUERIES: dict[str, tuple[bytes, int, set[str]]] = {
    "unknown": (b"color=red", 422, {"query/color"}),
    "twice": (b"limit=1&limit=2", 422, {"query/limit"}),
    "NUL": (b"q=a%00", 422, {"query/q"}),
    "both wrong": (b"limit=x&q=", 422, {"query/limit", "query/q"}),
    "long": (b"q=" + b"x" * 2000, 422, {"query/q"}),
    "too many": (b"&".join(b"a%d=1" % n for n in range(200)), 400, set()),
    "not UTF-8, escaped": (b"q=%ff", 400, set()),
}


@pytest.mark.parametrize(("query", "status", "pointer"), QUERIES.values(), ids=QUERIES.keys())
async def test_a_query_is_validated(
    client: httpx2.AsyncClient, sign_up: SignUp, query: bytes, status: int, pointer: set[str]
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    answer = await client.get("/users?" + query.decode("latin-1"), headers=admin.headers)
    code = "invalid_request" if status == 422 else "malformed_query"
    document = problem(answer, status, code)
    assert {violation["pointer"] for violation in document.get("errors", [])} == pointer


async def test_check_39_a_duplicate_query_parameter_is_422_everywhere(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    admin = await sign_up("ada", is_superuser=True)
    for endpoint in (each for each in ENDPOINTS if each.method == "GET"):
        path = re.sub(r"{\w+}", str(UUID(int=0)), endpoint.path)
        answer = await client.get(f"{path}?limit=1&limit=2", headers=admin.headers)
        document = problem(answer, 422, "invalid_request")
        assert [violation["code"] for violation in document["errors"]] == ["duplicate"], path


def test_a_query_of_raw_bytes_is_refused() -> None:
    with pytest.raises(MalformedQuery):
        bind_query(UserQuery, b"q=\xff")


async def test_check_39_an_endpoint_without_parameters_refuses_a_query(
    client: httpx2.AsyncClient,
) -> None:
    assert pointers(await client.get("/health/live?x=1")) == {"query/x"}


async def test_an_invalid_host_header_changes_nothing(client: httpx2.AsyncClient) -> None:
    for host in ("[", "a b", "\xff", "x:y:z", ""):
        header = [(b"Host", host.encode("latin-1"))]
        answer = await client.get("/health/live", headers=header)
        assert answer.status_code == 200


async def test_a_path_with_nul_is_422(client: httpx2.AsyncClient) -> None:
    assert pointers(await client.get("/hello/z%00e")) == {"path/username"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(JSON_VALUES)
def test_any_json_document_is_parsed_or_refused(document: object) -> None:
    try:
        found = list(faults(parse_json(json.dumps(document).encode())))
    except MalformedBody:
        return
    assert all(fault.code and fault.pointer.encode() is not None for fault in found)


@given(document=JSON_VALUES, escaped=st.booleans())
def test_a_document_without_suspicious_bytes_has_no_faults(
    document: object, *, escaped: bool
) -> None:
    raw = json.dumps(document, ensure_ascii=escaped).encode(errors="replace")
    with suppress(MalformedBody):
        assert may_have_faults(raw) or list(faults(parse_json(raw))) == []


@pytest.mark.parametrize(
    "raw", [b'["\\u0000"]', b'["\\uD800"]', b"[9223372036854775808]", b"[1e309]", b"[-1E+309]"]
)
def test_bytes_of_a_refused_value_are_suspicious(raw: bytes) -> None:
    assert may_have_faults(raw)
    assert len(list(faults(parse_json(raw)))) == 1


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    try:
        document = parse_json(raw)
    except MalformedBody:
        document = None
    assert document is None or document == json.loads(raw.decode()) or list(faults(document))


def test_numbers_at_the_bounds_are_accepted() -> None:
    largest = 9_223_372_036_854_775_807
    assert list(faults([largest, -largest, 1e308])) == []
    found = list(faults([largest + 1, {"a": -largest - 1}]))
    assert [fault.code for fault in found] == ["number_out_of_range"] * 2
    assert [fault.pointer for fault in found] == ["/0", "/1/a"]


def test_a_checked_body_shows_none_of_its_members() -> None:
    form = Registration(email="zoe@example.com", password="correct horse battery staple")
    assert repr(form) == "Registration"


@given(
    st.lists(st.sampled_from([b"0", b"12", b"9" * 17, b"e", b"E", b"+", b"-", b"\\", b"u", b"x"]))
)
def test_escapes_and_numbers_are_found_as_by_a_pattern(parts: list[bytes]) -> None:
    raw = b"".join(parts)
    pattern = re.compile(rb"\\u|[0-9]{19}|[0-9][eE][+-]?[0-9]")
    assert may_have_faults(raw) is (pattern.search(raw) is not None)
