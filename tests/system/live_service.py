"""A whole run in which everybody says something that nobody else may read."""

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

from tests.outages import send
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
class Whispers:
    """Texts by what they are; each is said somewhere, and must not be read anywhere else."""

    said: dict[str, str] = field(default_factory=dict)

    def __call__(self, what: str) -> str:
        """A new text of letters that names what it is."""
        tail = "".join(choice(ascii_lowercase) for _ in range(12))
        return self.heard(what, what.replace(" ", "") + tail)

    def heard(self, what: str, text: str) -> str:
        """One that somebody else has made."""
        assert what not in self.said
        self.said[what] = text
        return text

    def found_in(self, text: str, *, but: frozenset[str] = frozenset()) -> set[str]:
        """What is told there."""
        return {what for what, said in self.said.items() if said in text} - but


class Refusing:
    """A mail server that tells everybody why it refuses: by quoting the message."""

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return f"550 nobody is called {address}" if "refused" in address else "250 OK"

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        return f"554 this is spam: {' '.join(envelope.content.decode().split())[:400]}"


@contextmanager
def refusing(port: int, password: str) -> Iterator[None]:
    """The server listens there, and knows that password."""

    def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, login: Any) -> AuthResult:
        right = login == LoginPassword(LOGIN, password.encode())
        return AuthResult(success=right, handled=False)

    server = Controller(
        Refusing(), "127.0.0.1", port, authenticator=authenticate, auth_require_tls=False
    )
    server.start()
    try:
        yield
    finally:
        server.stop()


@dataclass(frozen=True, slots=True)
class Talk:
    """Somebody who speaks to the API, and checks that it was heard."""

    client: httpx2.Client
    whisper: Whispers

    def ask(self, expected: int, method: str, path: str, **options: Any) -> Any:
        """The answer's JSON, if it has the status that is expected."""
        answer = self.client.request(method, path, **options)
        assert answer.status_code == expected, (method, path, answer.text)
        return answer.json() if answer.content else None

    def task(self, kind: str, data: Mapping[str, Any], headers: Mapping[str, str]) -> str:
        """Ask for it; its id."""
        made = self.ask(202, "POST", "/tasks", json={"kind": kind, "data": data}, headers=headers)
        return str(made["id"])

    def sign_in(self, address: str, password: str, prefix: str) -> dict[str, str]:
        """The tokens, which are to be kept."""
        form = {"username": address, "password": password}
        tokens: dict[str, str] = self.ask(200, "POST", "/auth/token", data=form)
        self.whisper.heard(f"{prefix} access token", tokens["access_token"].rpartition(".")[2])
        self.whisper.heard(f"{prefix} refresh token", tokens["refresh_token"])
        return tokens


async def tell(up: Up, talk: Talk) -> None:
    """All of it."""
    address, password = register(talk)
    connection = await asyncpg.connect(up.run.database_url)
    await connection.execute(TRAPS)
    await connection.close()
    headers = come_and_go(talk, address, password)
    keep_items(talk, headers)
    ask_for_tasks(up, talk, headers)
    ask_badly(up, talk, headers)
    lose_redis(up, talk, headers)


def register(talk: Talk) -> tuple[str, str]:
    """Somebody: their address and password."""
    address, password = f"{talk.whisper('own address')}@example.com", talk.whisper("first password")
    form = {"email": address, "full_name": talk.whisper("full name"), "password": password}
    talk.ask(201, "POST", "/users", json=form)
    form["password"] = talk.whisper("password for a taken address")
    talk.ask(409, "POST", "/users", json=form)
    return address, password


def come_and_go(talk: Talk, address: str, password: str) -> dict[str, str]:
    """Sign in, well and badly; change the password; the header of a session that stays."""
    whisper = talk.whisper
    for form in (
        {"username": address, "password": whisper("wrong password")},
        {"username": whisper("password typed as a name"), "password": whisper("another")},
    ):
        talk.ask(400, "POST", "/auth/token", data=form)
    first = talk.sign_in(address, password, "first")
    refreshed = talk.ask(
        200, "POST", "/auth/refresh", json={"refresh_token": first["refresh_token"]}
    )
    whisper.heard("second refresh token", refreshed["refresh_token"])
    whisper.heard("second access token", refreshed["access_token"].rpartition(".")[2])
    talk.ask(400, "POST", "/auth/refresh", json={"refresh_token": whisper("made-up token")})
    headers = {"Authorization": f"Bearer {refreshed['access_token']}"}
    changed = {"current_password": password, "password": whisper("new password")}
    talk.ask(200, "PATCH", "/users/me", json=changed, headers=headers)
    third = talk.sign_in(address, changed["password"], "third")
    headers = {"Authorization": f"Bearer {third['access_token']}"}
    talk.ask(204, "POST", "/auth/logout", headers=headers)
    talk.ask(401, "GET", "/users/me", headers=headers)
    last = talk.sign_in(address, changed["password"], "last")
    return {"Authorization": f"Bearer {last['access_token']}"}


def keep_items(talk: Talk, headers: dict[str, str]) -> None:
    """Items and birthdays; one of the items makes the database fail."""
    whisper = talk.whisper
    item = {"title": whisper("item title"), "description": whisper("item description")}
    made = talk.ask(201, "POST", "/items", json=item, headers=headers)
    patch = {"title": whisper("changed title")}
    merge = {**headers, "Content-Type": "application/merge-patch+json"}
    talk.ask(200, "PATCH", f"/items/{made['id']}", content=json.dumps(patch), headers=merge)
    talk.ask(200, "GET", f"/items?q={whisper('search words')}", headers=headers)
    talk.ask(500, "POST", "/items", json={"title": whisper("trapped title")}, headers=headers)
    name = f"/hello/{whisper('name in a path')}"
    talk.ask(204, "PUT", name, json={"dateOfBirth": "1990-02-28"})
    talk.ask(200, "GET", name)
    talk.ask(422, "GET", f"{name}?token={whisper('query beside a name')}")


def ask_for_tasks(up: Up, talk: Talk, headers: dict[str, str]) -> None:
    """Of every kind; all but one fail, each in its way."""
    whisper = talk.whisper
    done = talk.task("echo", {"text": whisper("payload")}, headers)
    talk.ask(200, "GET", f"/tasks/{done}?wait=10", headers=headers)
    talk.task("echo", {"trap": whisper("trapped payload")}, headers)
    for fate in ("refused", "spam"):
        address = f"{whisper(f'{fate} address')}@example.com"
        words = {part: whisper(f"{fate} {part}") for part in ("subject", "text", "html")}
        talk.task("email.send", {"to": address, **words}, headers)
    request = {
        "url": f"http://127.0.0.1:1/{whisper('outgoing path')}?token={whisper('outgoing query')}",
        "headers": {
            "Authorization": f"Bearer {whisper('outgoing authorization')}",
            "X-Key": whisper("outgoing header"),
        },
        "body": {"text": whisper("outgoing body")},
    }
    talk.task("http.request", request, headers)
    bad = {"kind": "http.request", "data": {"url": whisper("no url"), "x": whisper("no member")}}
    talk.ask(422, "POST", "/tasks", json=bad, headers=headers)
    assert eventually(lambda: up.output.count("job failed") >= 5, within=20), up.output


def ask_badly(up: Up, talk: Talk, headers: dict[str, str]) -> None:
    """Paths, logins and headers of the wrong kinds; and what is no HTTP at all."""
    whisper = talk.whisper
    talk.ask(404, "GET", f"/nowhere/{whisper('unknown path')}?token={whisper('query string')}")
    basic = {"Authorization": f"Basic {whisper('basic login')}", "Cookie": whisper("cookie")}
    talk.ask(401, "GET", "/users/me", headers=basic)
    talk.ask(401, "GET", "/users/me", headers={"Authorization": f"Bearer {whisper('no token')}"})
    talk.ask(200, "GET", "/health/live", headers=strange(whisper))
    for trace in (f"00-{whisper('traceparent')}-01", f"00-{'a' * 32}-{'b' * 16}-01"):
        state = {"traceparent": trace, "tracestate": f"{whisper(f'state {trace[3:6]}')},=,"}
        talk.ask(200, "GET", "/health/live", headers=state)
    send_bad_bodies(talk, headers)
    with socket.create_connection(("127.0.0.1", up.port)) as raw:
        raw.sendall(f"{whisper('no method')} {whisper('no http')}\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 501 ")


def send_bad_bodies(talk: Talk, headers: dict[str, str]) -> None:
    """Of every kind that is refused."""
    whisper = talk.whisper
    typed = {**headers, "Content-Type": "application/json"}
    broken = f'{{"title": "{whisper("malformed body")}'
    talk.ask(400, "POST", "/items", content=broken, headers=typed)
    unknown = {"title": 7, whisper("unknown member"): whisper("its value")}
    talk.ask(422, "POST", "/items", json=unknown, headers=headers)
    media = {**headers, "Content-Type": f"text/{whisper('media type')}"}
    talk.ask(415, "POST", "/items", content=whisper("text body"), headers=media)
    long = {"title": whisper("long title") * 99}
    talk.ask(422, "POST", "/items", json=long, headers=headers)


def strange(whisper: Whispers) -> dict[str, str]:
    """Headers that telemetry might look at."""
    return {
        "X-Request-ID": f"{whisper('request id')} is none",
        "baggage": f"key={whisper('baggage')}",
        "User-Agent": whisper("user agent"),
        "Referer": f"https://{whisper('referer')}.example/",
        "X-Forwarded-For": whisper("forwarded for"),
        "If-None-Match": whisper("tag"),
    }


def lose_redis(up: Up, talk: Talk, headers: dict[str, str]) -> None:
    """Kill it, as often as it is started again, until somebody has noticed; ask meanwhile."""
    killed: set[int] = set()

    def is_noticed() -> bool:
        pid = up.run.pids["Valkey"]
        if pid not in killed:
            send(SIGKILL, [pid])
            killed.add(pid)
        return "Redis does not answer" in up.output

    is_noticed()
    talk.ask(200, "GET", "/birthdays/today", headers=headers)
    talk.task("echo", {"text": talk.whisper("payload without redis")}, headers)
    assert eventually(is_noticed, within=20), up.output
