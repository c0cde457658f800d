"""The longest value is accepted, and one that is longer by one is refused."""

from collections.abc import Callable

import pytest

from jubilee.domain.account_locks import MAX_REASON_CHARS, checked_reason
from jubilee.domain.api_tokens import service as api_tokens
from jubilee.domain.api_tokens import token
from jubilee.domain.errors import Invalid
from jubilee.domain.identity import MAX_PERSON_NAME_CHARS, is_person_name
from jubilee.domain.jobs.kinds import JobError
from jubilee.domain.outbound import request
from jubilee.domain.outbound.request import read_request
from jubilee.domain.service_accounts import account
from jubilee.domain.service_accounts import service as service_accounts

HOST = "https://a.example"


def host(length: int) -> object:
    name = ".".join(["a" * 63] * 5)[-length:]
    return read_request({"url": f"http://{name}/"})


def url(length: int) -> object:
    return read_request({"url": f"{HOST}/".ljust(length, "a")})


def headers(count: int) -> object:
    return read_request({"url": HOST, "headers": {f"x-{n}": "a" for n in range(count)}})


def header_name(length: int) -> object:
    return read_request({"url": HOST, "headers": {"x" * length: "a"}})


def header_value(length: int) -> object:
    return read_request({"url": HOST, "headers": {"x": "a" * length}})


def port(number: int) -> object:
    return read_request({"url": f"{HOST}:{number}"})


LIMITS: dict[str, tuple[Callable[[int], object], int]] = {
    "host": (host, request.MAX_HOST_CHARS),
    "url": (url, request.MAX_URL_CHARS),
    "headers": (headers, request.MAX_HEADERS),
    "header name": (header_name, request.MAX_HEADER_NAME_CHARS),
    "header value": (header_value, request.MAX_HEADER_VALUE_CHARS),
    "port": (port, request.MAX_PORT),
    "reason": (lambda length: checked_reason("a" * length), MAX_REASON_CHARS),
    "token": (lambda length: api_tokens._checked_name("a" * length), token.MAX_NAME_CHARS),
    "machine": (
        lambda length: service_accounts._checked_name("a" * length),
        account.MAX_NAME_CHARS,
    ),
}


@pytest.mark.parametrize(("read", "longest"), LIMITS.values(), ids=LIMITS.keys())
def test_a_value_may_be_as_long_as_its_limit(read: Callable[[int], object], longest: int) -> None:
    assert read(longest)
    with pytest.raises((Invalid, JobError)):
        read(longest + 1)


@pytest.mark.parametrize("letter", ["z", "\u00eb"])
def test_a_name_may_be_as_long_as_its_limit(letter: str) -> None:
    assert is_person_name(letter * MAX_PERSON_NAME_CHARS)
    assert not is_person_name(letter * (MAX_PERSON_NAME_CHARS + 1))
