"""Common behaviour of all responses: request id, headers, mounts, CORS."""

import re

import httpx2
import pytest
from starlette.types import ASGIApp

from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.connections.refusals import HeadTooLarge, Refusals, Refused
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests
from jubilee.entrypoints.http.framework.cors import CorsHeaders
from jubilee.entrypoints.http.framework.edge import EdgeRules
from tests.conftest import SignUp
from tests.fakes.store import FakeStore
from tests.http.refusals import problem
from tests.http.sockets import RecordingObserver

ORIGIN = {"Origin": "https://app.example"}
EVIL = {"Origin": "https://app.example.evil"}
EXPOSED = [
    *("Deprecation", "ETag", "Idempotent-Replayed", "Impersonated-By", "Link", "Location"),
    "Preference-Applied",
    *("RateLimit", "RateLimit-Policy", "Retry-After", "Sunset", "X-Request-ID"),
]
ASKED = {
    *("authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "prefer"),
    "x-request-id",
}
PREFLIGHT = {"Access-Control-Request-Method": "PATCH"}
SECURITY = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
}
REQUEST_ID = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
async def mounted(app: ASGIApp) -> httpx2.AsyncClient:
    """Client of the API at the root, for any mount."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://api.test")


ANSWERS: list[tuple[str, str, int]] = [
    ("GET", "/health/live", 200),
    ("OPTIONS", "/users", 204),
    ("POST", "/users", 415),
    ("GET", "/users/me", 401),
    ("GET", "/nowhere", 404),
    ("TRACE", "/users", 405),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
@pytest.mark.parametrize("headers", [{}, ORIGIN, EVIL, ORIGIN | PREFLIGHT, EVIL | PREFLIGHT])
async def test_check_44_every_response_has_a_request_id_and_security_headers(
    client: httpx2.AsyncClient, method: str, path: str, status: int, headers: dict[str, str]
) -> None:
    answer = await client.request(method, path, headers=headers)
    assert answer.status_code == status
    assert REQUEST_ID.fullmatch(answer.headers["x-request-id"])
    assert SECURITY.items() <= dict(answer.headers).items()
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


async def test_check_44_an_internal_error_has_the_usual_headers(
    client: httpx2.AsyncClient, store: FakeStore
) -> None:
    store.broken = ZeroDivisionError("only for the log")
    body = {"username": "zoe", "password": "x"}
    answer = await client.post("/auth/token", json=body, headers=ORIGIN)
    problem(answer, 500, "internal_error")
    assert SECURITY.items() <= dict(answer.headers).items()
    assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]


@pytest.mark.parametrize("given", ["a", "A-b_c.9", "x" * 128, "0123-4567"])
async def test_a_request_keeps_its_id(client: httpx2.AsyncClient, given: str) -> None:
    answer = await client.get("/users/me", headers={"X-Request-ID": given})
    assert answer.headers.get_list("x-request-id") == [given]
    assert answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", " ", "x" * 129, "a b", "é", "a\tb", "<b>", "a\r\nb: c"])
async def test_an_invalid_request_id_is_replaced(client: httpx2.AsyncClient, given: str) -> None:
    header = [(b"X-Request-ID", given.encode("latin-1"))]
    answer = await client.get("/health/live", headers=header)
    assert REQUEST_ID.fullmatch(answer.headers["x-request-id"])


@pytest.mark.parametrize("mount", ["", "/api", "/v1/api"])
async def test_every_path_is_served_at_every_mount_with_and_without_a_slash(
    mounted: httpx2.AsyncClient, mount: str
) -> None:
    for path in ("/", "/health/live", "/health/live/", "/openapi.json", "/openapi.json/"):
        answer = await mounted.get(mount + path)
        assert (answer.status_code, answer.history) == (200, [])
    assert (await mounted.get(f"{mount}/")).json()["links"]["docs"] == f"{mount}/docs"
    created = await mounted.post(
        f"{mount}/users/", json={"email": "z@example.com", "password": "correct horse"}
    )
    assert created.headers["location"] == f"{mount}/users/{created.json()['id']}"


@pytest.mark.parametrize("path", ["/api", "/v1/api"])
async def test_the_root_of_a_mount_is_its_home(mounted: httpx2.AsyncClient, path: str) -> None:
    assert (await mounted.get(path)).json()["name"] == "Jubilee"


@pytest.mark.parametrize(
    "path", ["/v1", "/v2/api", "/apis", "/api/api/users", "/health/live//", "//health", "/v1/api/x"]
)
async def test_other_paths_are_not_found(mounted: httpx2.AsyncClient, path: str) -> None:
    answer = await mounted.get(httpx2.URL("http://api.test").copy_with(raw_path=path.encode()))
    problem(answer, 404, "path_not_found")


@pytest.mark.parametrize("path", ["/health/live", "/", "/openapi.json", "/hello/unknown"])
async def test_head_is_get_without_the_body(client: httpx2.AsyncClient, path: str) -> None:
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    varying = {"x-request-id", "content-length"}
    assert {k: v for k, v in head.headers.items() if k not in varying} == {
        k: v for k, v in got.headers.items() if k not in varying
    }


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/users/me", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/users", "GET, HEAD, OPTIONS, POST"),
        ("/auth/logout", "OPTIONS, POST"),
        ("/users/00000000-0000-0000-0000-000000000000", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ],
)
async def test_check_44_options_and_405_list_the_allowed_methods(
    client: httpx2.AsyncClient, path: str, allow: str
) -> None:
    options = await client.options(path)
    assert (options.status_code, options.content, options.headers["allow"]) == (204, b"", allow)
    for method in ("TRACE", "CONNECT", "PROPFIND", "get"):
        answer = await client.request(method, path)
        if method != "get":  # the client writes it in capitals
            problem(answer, 405, "method_not_allowed")
            assert answer.headers["allow"] == allow


async def test_a_configured_origin_may_read_responses(
    client: httpx2.AsyncClient, sign_up: SignUp
) -> None:
    zoe = await sign_up()
    for headers in (zoe.headers, {}):  # errors, too
        answer = await client.get("/users/me", headers=headers | ORIGIN)
        assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]
        assert "Origin" in answer.headers["vary"]
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert sorted(exposed) == EXPOSED
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_preflight_lists_methods_and_headers(client: httpx2.AsyncClient) -> None:
    answer = await client.options("/users/me", headers=ORIGIN | PREFLIGHT)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]
    assert "PATCH" in answer.headers["access-control-allow-methods"].split(", ")
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert set(allowed) >= ASKED
    assert int(answer.headers["access-control-max-age"]) > 0


@pytest.mark.parametrize(
    "origin", ["https://evil.example", EVIL["Origin"], "null", "", "http://app.example"]
)
async def test_another_origin_gets_no_cors_headers(client: httpx2.AsyncClient, origin: str) -> None:
    for method, extra in (("GET", {}), ("OPTIONS", PREFLIGHT)):
        answer = await client.request(method, "/users/me", headers={"Origin": origin} | extra)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_only_a_preflight_gets_the_allowed_methods(
    client: httpx2.AsyncClient, method: str
) -> None:
    headers = ORIGIN if method == "OPTIONS" else ORIGIN | PREFLIGHT
    answer = await client.request(method, "/health/live", headers=headers)
    assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]
    assert "access-control-allow-methods" not in answer.headers


def serving(services: Services, cors: CorsHeaders) -> httpx2.AsyncClient:
    """Return a client of the API with these rules."""
    options = HttpOptions(
        limits=BodyLimits(1 << 20, 5), cursor_keys=(b"c" * 32,), edge=EdgeRules(cors=cors)
    )
    transport = httpx2.ASGITransport(build_app(services, options, InFlightRequests()))
    return httpx2.AsyncClient(transport=transport, base_url="http://api.test")


async def test_without_configured_origins_there_are_no_cors_headers(services: Services) -> None:
    async with serving(services, CorsHeaders()) as client:
        answer = await client.get("/health/live", headers=ORIGIN)
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "vary" not in answer.headers


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost", True),
        ("http://localhost:5173", True),
        ("https://localhost:5173", False),
        ("http://localhost:5173.evil.example", False),
        ("http://localhost.evil.example:80", False),
        ("http://localhost:*", False),
        ("http://localhost:", False),
    ],
)
async def test_an_origin_may_be_allowed_with_any_port(
    services: Services, origin: str, allowed: bool
) -> None:
    async with serving(services, CorsHeaders(["http://localhost:*"])) as client:
        answer = await client.get("/health/live", headers={"Origin": origin})
    assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None)
    assert answer.headers["vary"] == "Origin"


async def test_all_origins_may_be_allowed_without_credentials(services: Services) -> None:
    async with serving(services, CorsHeaders(["*"])) as client:
        answer = await client.get("/health/live", headers=EVIL)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    with pytest.raises(ValueError, match="no credentials"):
        CorsHeaders(["*"], credentials=True)


async def test_listed_origins_may_be_allowed_to_send_credentials(services: Services) -> None:
    async with serving(services, CorsHeaders([ORIGIN["Origin"]], credentials=True)) as client:
        answer = await client.get("/users/me", headers=ORIGIN)
        other = await client.get("/users/me", headers=EVIL)
    assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "access-control-allow-credentials" not in other.headers


def test_a_refused_request_gets_the_cors_headers() -> None:
    refusals = Refusals(RecordingObserver(), EdgeRules(cors=CorsHeaders([ORIGIN["Origin"]])))
    refused = Refused([(b"origin", ORIGIN["Origin"].encode())], None, "GET")
    head = refusals.write(HeadTooLarge(), refused, []).partition(b"\r\n\r\n")[0].decode()
    assert f"access-control-allow-origin: {ORIGIN['Origin']}\r\n" in head
    assert "vary: Origin\r\n" in head


async def test_a_draining_service_closes_connections(services: Services) -> None:
    in_flight = InFlightRequests()
    in_flight.draining = True
    options = HttpOptions(limits=BodyLimits(1 << 20, 5), cursor_keys=(b"c" * 32,))
    transport = httpx2.ASGITransport(build_app(services, options, in_flight))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        assert (await client.get("/health/live")).headers["connection"] == "close"
