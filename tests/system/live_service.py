"""A run of the whole service in which every input contains a unique secret marker."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import choice
from signal import SIGKILL
from string import ascii_lowercase
from typing import Any

import asyncpg
import httpx2
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.outages import send
from tests.support.running import Up, eventually

LOGIN = b"zoe"

TRAPS = """
CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'no room for %', NEW; END $$;
CREATE TRIGGER trap BEFORE INSERT ON items FOR EACH ROW
    WHEN (NEW.title LIKE 'trapped%') EXECUTE FUNCTION trap();
CREATE TRIGGER trap BEFORE UPDATE ON jobs FOR EACH ROW
    WHEN (NEW.status = 'succeeded' AND NEW.data ? 'trap') EXECUTE FUNCTION trap();
UPDATE users SET is_superuser = true;
"""


@dataclass(frozen=True, slots=True)
class SecretMarkers:
    """Marker texts by name; each is part of an input and must not appear in telemetry."""

    texts: dict[str, str] = field(default_factory=dict)

    def __call__(self, what: str) -> str:
        """Return a new marker of letters, which contains its name."""
        tail = "".join(choice(ascii_lowercase) for _ in range(12))
        return self.add(what, what.replace(" ", "") + tail)

    def add(self, what: str, text: str) -> str:
        """Add a text made by the service as a marker."""
        assert what not in self.texts
        self.texts[what] = text
        return text

    def names_in(self, text: str, *, but: frozenset[str] = frozenset()) -> set[str]:
        """Return the names of the markers in the text."""
        return {what for what, marker in self.texts.items() if marker in text} - but


class RefusingMailServer:
    """A mail server whose refusals quote the message."""

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return f"550 no mailbox {address}" if "refused" in address else "250 OK"

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        return f"554 this is spam: {' '.join(envelope.content.decode().split())[:400]}"


@contextmanager
def run_refusing_mail_server(port: int, password: str) -> Iterator[None]:
    """Run the mail server on a port, with a login of this password."""

    def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, login: Any) -> AuthResult:
        success = login == LoginPassword(LOGIN, password.encode())
        return AuthResult(success=success, handled=False)

    server = Controller(
        RefusingMailServer(), "127.0.0.1", port, authenticator=authenticate, auth_require_tls=False
    )
    server.start()
    try:
        yield
    finally:
        server.stop()


@dataclass(frozen=True, slots=True)
class MarkedClient:
    """A client of the API that checks statuses and uses markers."""

    client: httpx2.Client
    marker: SecretMarkers

    def send(self, expected: int, method: str, path: str, **options: Any) -> Any:
        """Send a request, check its status, and return the JSON."""
        answer = self.client.request(method, path, **options)
        assert answer.status_code == expected, (method, path, answer.text)
        return answer.json() if answer.content else None

    def task(self, kind: str, data: Mapping[str, Any], headers: Mapping[str, str]) -> str:
        """Create a task and return its id."""
        created = self.send(
            202, "POST", "/tasks", json={"kind": kind, "data": data}, headers=headers
        )
        return str(created["id"])

    def sign_in(self, address: str, password: str, prefix: str) -> dict[str, str]:
        """Sign in and return the tokens, which are markers too."""
        form = {"username": address, "password": password}
        tokens: dict[str, str] = self.send(200, "POST", "/auth/token", data=form)
        self.marker.add(f"{prefix} access token", tokens["access_token"].rpartition(".")[2])
        self.marker.add(f"{prefix} refresh token", tokens["refresh_token"])
        return tokens


async def use_everything(up: Up, caller: MarkedClient) -> None:
    """Run all steps."""
    address, password = register(caller)
    connection = await asyncpg.connect(up.run.database_url)
    await connection.execute(TRAPS)
    await connection.close()
    headers = use_sessions(caller, address, password)
    use_mailed_links(caller, address)
    create_items(caller, headers)
    create_tasks(up, caller, headers)
    send_bad_requests(up, caller, headers)
    lose_redis(up, caller, headers)


def register(caller: MarkedClient) -> tuple[str, str]:
    """Register an account and return its address and password."""
    address, password = (
        f"{caller.marker('own address')}@example.com",
        caller.marker("first password"),
    )
    form = {"email": address, "full_name": caller.marker("full name"), "password": password}
    caller.send(201, "POST", "/users", json=form)
    form["password"] = caller.marker("password for a taken address")
    caller.send(409, "POST", "/users", json=form)
    return address, password


def use_sessions(caller: MarkedClient, address: str, password: str) -> dict[str, str]:
    """Sign in rightly and wrongly, change the password, and return the header of a session."""
    marker = caller.marker
    for form in (
        {"username": address, "password": marker("wrong password")},
        {"username": marker("password typed as a name"), "password": marker("another")},
    ):
        caller.send(400, "POST", "/auth/token", data=form)
    first = caller.sign_in(address, password, "first")
    refreshed = caller.send(
        200, "POST", "/auth/refresh", json={"refresh_token": first["refresh_token"]}
    )
    marker.add("second refresh token", refreshed["refresh_token"])
    marker.add("second access token", refreshed["access_token"].rpartition(".")[2])
    caller.send(400, "POST", "/auth/refresh", json={"refresh_token": marker("made-up token")})
    headers = {"Authorization": f"Bearer {refreshed['access_token']}"}
    changed = {"current_password": password, "password": marker("new password")}
    caller.send(200, "PATCH", "/users/me", json=changed, headers=headers)
    third = caller.sign_in(address, changed["password"], "third")
    headers = {"Authorization": f"Bearer {third['access_token']}"}
    caller.send(204, "POST", "/auth/logout", headers=headers)
    caller.send(401, "GET", "/users/me", headers=headers)
    last = caller.sign_in(address, changed["password"], "last")
    return {"Authorization": f"Bearer {last['access_token']}"}


def use_mailed_links(caller: MarkedClient, address: str) -> None:
    """Ask for mails, open a link, and send made-up tokens and codes."""
    marker, client = caller.marker, caller.client
    for asked in (address, f"{marker('unknown address')}@example.com"):
        caller.send(202, "POST", "/auth/password/forgot", json={"email": asked})
    link = {"token": marker("opened link")}
    assert client.get("/account/reset-password", params=link).status_code == 200
    form = {"token": marker("sent link"), "password": marker("password of a form")}
    assert client.post("/account/reset-password", data=form).status_code == 400
    caller.send(400, "POST", "/auth/verify-email", json={"token": marker("mailed token")})
    code = {"email": f"{marker('address of a code')}@example.com", "code": marker("code")}
    caller.send(400, "POST", "/auth/verify-email", json=code)
    one_click = f"/account/unsubscribe?token={marker('opt-out token')}"
    assert client.post(one_click, data={"List-Unsubscribe": "One-Click"}).status_code == 400


def create_items(caller: MarkedClient, headers: dict[str, str]) -> None:
    """Create items and birthdays; one of the items makes the database fail."""
    marker = caller.marker
    item = {"title": marker("item title"), "description": marker("item description")}
    keyed = {**headers, "Idempotency-Key": marker("idempotency key")}
    created = caller.send(201, "POST", "/items", json=item, headers=keyed)
    keyed["Idempotency-Key"] = f"not a {marker('malformed key')}"
    caller.send(400, "POST", "/items", json=item, headers=keyed)
    patch = {"title": marker("changed title")}
    merge = {**headers, "Content-Type": "application/merge-patch+json"}
    caller.send(200, "PATCH", f"/items/{created['id']}", content=json.dumps(patch), headers=merge)
    caller.send(200, "GET", f"/items?q={marker('search words')}", headers=headers)
    caller.send(500, "POST", "/items", json={"title": marker("trapped title")}, headers=headers)
    name = f"/hello/{marker('name in a path')}"
    caller.send(204, "PUT", name, json={"dateOfBirth": "1990-02-28"})
    caller.send(200, "GET", name)
    caller.send(422, "GET", f"{name}?token={marker('query beside a name')}")


def create_tasks(up: Up, caller: MarkedClient, headers: dict[str, str]) -> None:
    """Create tasks of every kind; all but one fail in different ways."""
    marker = caller.marker
    done = caller.task("echo", {"text": marker("payload")}, headers)
    caller.send(200, "GET", f"/tasks/{done}?wait=10", headers=headers)
    caller.task("echo", {"trap": marker("trapped payload")}, headers)
    for outcome in ("refused", "spam"):
        address = f"{marker(f'{outcome} address')}@example.com"
        words = {part: marker(f"{outcome} {part}") for part in ("subject", "text", "html")}
        caller.task("email.send", {"to": address, **words}, headers)
    request = {
        "url": f"http://127.0.0.1:1/{marker('outgoing path')}?token={marker('outgoing query')}",
        "headers": {
            "Authorization": f"Bearer {marker('outgoing authorization')}",
            "X-Key": marker("outgoing header"),
        },
        "body": {"text": marker("outgoing body")},
    }
    caller.task("http.request", request, headers)
    bad = {"kind": "http.request", "data": {"url": marker("no url"), "x": marker("no member")}}
    caller.send(422, "POST", "/tasks", json=bad, headers=headers)
    assert eventually(lambda: up.output.count("job failed") >= 5), up.output


def send_bad_requests(up: Up, caller: MarkedClient, headers: dict[str, str]) -> None:
    """Send wrong paths, logins and headers, and bytes that are not HTTP."""
    marker = caller.marker
    caller.send(404, "GET", f"/nowhere/{marker('unknown path')}?token={marker('query string')}")
    basic = {"Authorization": f"Basic {marker('basic login')}", "Cookie": marker("cookie")}
    caller.send(401, "GET", "/users/me", headers=basic)
    caller.send(401, "GET", "/users/me", headers={"Authorization": f"Bearer {marker('no token')}"})
    caller.send(200, "GET", "/health/live", headers=telemetry_headers(marker))
    for trace in (f"00-{marker('traceparent')}-01", f"00-{'a' * 32}-{'b' * 16}-01"):
        state = {"traceparent": trace, "tracestate": f"{marker(f'state {trace[3:6]}')},=,"}
        caller.send(200, "GET", "/health/live", headers=state)
    send_bad_bodies(caller, headers)
    with socket.create_connection(("127.0.0.1", up.port)) as raw:
        raw.sendall(f"{marker('no method')} {marker('no http')}\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 501 ")


def send_bad_bodies(caller: MarkedClient, headers: dict[str, str]) -> None:
    """Send bodies of every refused kind."""
    marker = caller.marker
    typed = {**headers, "Content-Type": "application/json"}
    broken = f'{{"title": "{marker("malformed body")}'
    caller.send(400, "POST", "/items", content=broken, headers=typed)
    unknown = {"title": 7, marker("unknown member"): marker("its value")}
    caller.send(422, "POST", "/items", json=unknown, headers=headers)
    media = {**headers, "Content-Type": f"text/{marker('media type')}"}
    caller.send(415, "POST", "/items", content=marker("text body"), headers=media)
    long = {"title": marker("long title") * 99}
    caller.send(422, "POST", "/items", json=long, headers=headers)


def telemetry_headers(marker: SecretMarkers) -> dict[str, str]:
    """Return headers that telemetry might record."""
    return {
        "X-Request-ID": f"{marker('request id')} is none",
        "baggage": f"key={marker('baggage')}",
        "User-Agent": marker("user agent"),
        "Referer": f"https://{marker('referer')}.example/",
        "X-Forwarded-For": marker("forwarded for"),
        "If-None-Match": marker("tag"),
    }


def lose_redis(up: Up, caller: MarkedClient, headers: dict[str, str]) -> None:
    """Kill Redis until its absence is logged; send requests meanwhile."""
    killed: set[int] = set()

    def is_logged() -> bool:
        pid = up.run.pids["Valkey"]
        if pid not in killed:
            send(SIGKILL, [pid])
            killed.add(pid)
        return "Redis does not answer" in up.output

    is_logged()
    caller.send(200, "GET", "/birthdays/today", headers=headers)
    caller.task("echo", {"text": caller.marker("payload without redis")}, headers)
    assert eventually(is_logged), up.output
