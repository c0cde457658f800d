"""Limits on bytes, values and depth of a body, and on the time to parse it."""

import gc
import json
import sys
import time
from collections.abc import Iterator

import httpx2
import pytest
from pydantic import BaseModel

from jubilee.bootstrap.garbage_collection import GC_THRESHOLDS
from jubilee.domain.errors import DomainError
from jubilee.entrypoints.http.framework.binding import bind_body
from jubilee.entrypoints.http.framework.endpoint import ANONYMOUS_BODY_BYTES, Access, AnyEndpoint
from jubilee.entrypoints.http.framework.json_bounds import check_bounds
from jubilee.entrypoints.http.framework.json_text import parse_json
from jubilee.entrypoints.http.framework.problems import MalformedBody
from jubilee.entrypoints.http.registry import ENDPOINTS
from tests.conftest import SignUp
from tests.http.malformed_bodies import malformed_bodies
from tests.http.refusals import pointers, problem

JSON = {"Content-Type": "application/json"}
MIB = 1 << 20
MAX_STEP_S = 0.02
RETRY_S = 10.0
MAX_DEPTH, MAX_VALUES = 64, 10_000  # as the document says them
WITH_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.body is not None]
BODIES = {
    (size, name): body
    for size in (ANONYMOUS_BODY_BYTES, MIB)
    for name, body in malformed_bodies(size).items()
}


def step_seconds(endpoint: AnyEndpoint, model: type[BaseModel], body: bytes) -> list[float]:
    """CPU time of each step of parsing the body, in seconds, without a tracer of coverage.

    Between the steps, the event loop runs what else waits.
    """
    binding = bind_body(endpoint, model, endpoint.media[0], body)
    steps, is_bound, tracer = list[float](), False, sys.gettrace()
    sys.settrace(None)
    try:
        while not is_bound:
            started = time.process_time()
            try:
                binding.send(None)
            except (StopIteration, DomainError):
                is_bound = True
            steps.append(time.process_time() - started)
    finally:
        sys.settrace(tracer)
    return steps


def least_step_seconds(endpoint: AnyEndpoint, model: type[BaseModel], body: bytes) -> float:
    """The least CPU time of several runs, since other work on the same cores slows each of them."""
    end, best = time.monotonic() + RETRY_S, max(step_seconds(endpoint, model, body))
    while best >= MAX_STEP_S and time.monotonic() < end:
        best = min(best, max(step_seconds(endpoint, model, body)))
    return best


@pytest.fixture(scope="module")
def rare_garbage_collection() -> Iterator[None]:
    """Collect garbage as rarely as the running service does.

    Once for all bodies: what all tests of a run have loaded takes a third of a second to look over.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(*GC_THRESHOLDS)
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("rare_garbage_collection")
@pytest.mark.parametrize(("size", "name"), BODIES.keys())
def test_no_body_blocks_the_event_loop(size: int, name: str) -> None:
    body = BODIES[size, name]
    assert size // 60 < len(body) <= size
    for endpoint in WITH_BODY:
        if endpoint.body is not None and size <= (endpoint.max_body_bytes or MIB):
            model = endpoint.body
            assert least_step_seconds(endpoint, model, body) < MAX_STEP_S


@pytest.mark.parametrize(("size", "steps"), [(100, 1), (MIB // 2, 4)])
def test_other_requests_go_on_between_the_steps_of_a_large_body(size: int, steps: int) -> None:
    [endpoint] = [each for each in WITH_BODY if each.name == "createTask"]
    assert endpoint.body is not None
    body = b'{"kind": "echo", "data": {"a": "\\n\\u00e9%s"}}' % (b"x" * size)
    assert len(step_seconds(endpoint, endpoint.body, body)) == steps


def nested(levels: int) -> bytes:
    """An object with this many levels of nesting."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def test_check_37_the_depth_of_a_body_is_limited() -> None:
    check_bounds(nested(MAX_DEPTH))
    with pytest.raises(MalformedBody, match="nests deeper than 64 levels"):
        check_bounds(nested(MAX_DEPTH + 1))


def test_check_37_the_number_of_values_of_a_body_is_limited() -> None:
    check_bounds(json.dumps({"a": [0] * (MAX_VALUES - 2)}).encode())
    with pytest.raises(MalformedBody, match="more than 10000 values"):
        check_bounds(json.dumps({"a": [0] * MAX_VALUES}).encode())


@pytest.mark.parametrize(
    "text", [",[{" * 40_000, '"' * 50_000, "\\" * 50_001, '\\"' * 30_001 + "["]
)
def test_brackets_and_commas_in_strings_are_not_counted(text: str) -> None:
    document = {"a": text, "b\\": [text]}
    assert parse_json(json.dumps(document).encode()) == document


@pytest.mark.parametrize("text", ["\\", '"', '\\"', '\\\\"', ""])
def test_strings_do_not_hide_later_values_from_the_count(text: str) -> None:
    with pytest.raises(MalformedBody):
        check_bounds(json.dumps({"a": text, "b": [0] * MAX_VALUES}).encode())


async def test_check_37_a_signed_in_body_is_limited_to_1_mib(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    zoe = await sign_up()
    body = b'{"data": {}}'
    large = body + b" " * (MIB - len(body))
    answer = await client.post("/tasks", content=large, headers={**JSON, **zoe.headers})
    assert answer.status_code == 202
    answer = await client.post("/tasks", content=large + b" ", headers={**JSON, **zoe.headers})
    assert "1048576" in problem(answer, 413, "body_too_large")["detail"]


@pytest.mark.parametrize(
    "endpoint",
    [e for e in WITH_BODY if e.access in {Access.ANYONE, Access.OPTIONAL}],
    ids=lambda endpoint: endpoint.name,
)
async def test_an_anonymous_body_is_413_past_16_kib(
    client: httpx2.AsyncClient, endpoint: AnyEndpoint
) -> None:
    path = endpoint.path.replace("{username}", "zoe")
    sent = {"Content-Type": endpoint.media[0]}
    large = b" " * (ANONYMOUS_BODY_BYTES + 1)
    answer = await client.request(endpoint.method, path, content=large, headers=sent)
    assert "16384" in problem(answer, 413, "body_too_large")["detail"]
    answer = await client.request(endpoint.method, path, content=large[1:], headers=sent)
    assert answer.status_code in {400, 422}


async def test_the_number_of_reported_unknown_members_is_limited(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    zoe = await sign_up()
    body = {f"k{number}": 0 for number in range(MAX_VALUES - 1)}
    found = pointers(await client.post("/tasks", json=body, headers=zoe.headers))
    assert {"#/k0", "#/k40"} < found
    assert len(found) <= 50


async def test_a_list_at_the_top_is_refused_before_it_is_parsed(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.post("/users", content=b" \n[0,", headers=JSON)
    assert pointers(answer) == {"#"}


async def test_a_long_pointer_is_truncated(client: httpx2.AsyncClient, sign_up: SignUp) -> None:
    zoe = await sign_up()
    deep = b'{"data":' + (b'{"%s":' % (b"n" * 200)) * 50 + b'"\\u0000"' + b"}" * 51
    answer = await client.post("/tasks", content=deep, headers={**JSON, **zoe.headers})
    (pointer,) = pointers(answer)
    assert pointer.startswith("#/data/nnn")
    assert len(pointer) <= 1001
