"""How long a refusal takes says nothing about who has an account.

Each request is sent for a known and for an unknown name in turn. Where both take equally long, the
known one is the slower of about half of the pairs. Where it is not, the median of what it takes
longer must be lost in the noise of any network. CPU time is compared, of all threads: the fakes
wait for nothing, and what else runs on the machine does not hide a difference.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from secrets import token_hex
from statistics import median
from time import process_time
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import AsyncClient, Response

from jubilee.adapters.argon2_passwords import Argon2Passwords
from jubilee.domain.api_tokens.text import SECRET_BYTES, secret_text
from jubilee.domain.service_accounts.account import SECRET_PREFIX
from tests.attacks.actors import Actor, World
from tests.attacks.flow import Flow
from tests.attacks.flows.mails import HIDDEN

PAIRS = 200
MAX_RATIO = 1.15
"""Of what two names take: a hash or a mail would be more."""
WARM_UPS = 10
CODE = "AAAA-AAAA"
WRONG = "not the password"
WRONG_SECRET = secret_text(SECRET_PREFIX, bytes(SECRET_BYTES))


@dataclass(frozen=True, slots=True)
class Known:
    """What exists: an account, an invited address, and a service account."""

    actor: Actor
    invited: str
    client_id: str


Name = Callable[[Known], tuple[str, Callable[[], str]]]
"""Returns a known name, and what makes unknown ones."""


def email(known: Known) -> tuple[str, Callable[[], str]]:
    return known.actor.values["email"], unknown_address


def invited(known: Known) -> tuple[str, Callable[[], str]]:
    return known.invited, unknown_address


def client_id(known: Known) -> tuple[str, Callable[[], str]]:
    return known.client_id, lambda: str(uuid4())


def unknown_address() -> str:
    return f"eve{token_hex(4)}@example.com"


GRANT = {"grant_type": "client_credentials", "client_secret": WRONG_SECRET}
REQUESTS: dict[str, tuple[str, Name, str, dict[str, str]]] = {
    "sign-in": ("/auth/login", email, "username", {"password": WRONG}),
    "forgot": ("/auth/password/forgot", email, "email", {}),
    "resend": ("/auth/verify-email/resend", email, "email", {}),
    "register": ("/auth/register", email, "email", {"password": "an engine of brass"}),
    "verify": ("/auth/verify-email", email, "email", {"code": CODE}),
    "reset": ("/auth/password/reset", email, "email", {"code": CODE, "password": WRONG}),
    "restore": ("/users/me/restore", email, "username", {"password": WRONG}),
    "client": ("/auth/token", client_id, "client_id", GRANT),
    "invite": ("/invites/accept", invited, "email", {"code": CODE, "password": WRONG}),
    "passkey": ("/auth/passkeys/sign-in/options", email, "username", {}),
}
"""Path, whose name, the member that has it, and the rest of the body."""


@pytest.fixture
def flow() -> Flow:
    """Nothing of the kind: registrations hide accounts."""
    return Flow(name="none", steps=(), policy=HIDDEN)


@pytest.fixture
def passwords() -> Iterator[Argon2Passwords]:
    """The real hasher, which is quick, so that other differences are not lost in its time."""
    hasher = Argon2Passwords(time_cost=1, memory_kib=1024, threads=1)
    yield hasher
    hasher.close()


@pytest.fixture
async def known(world: World) -> Known:
    actor = await world.actor()
    staff = {"Authorization": f"Bearer {world.staff['admin']}"}
    address = unknown_address()
    invite = {"email": address, "role": "user"}
    assert (await actor.client.post("/invites", json=invite, headers=staff)).status_code == 201
    machine = {"name": "import", "scopes": ["items:read"]}
    made = await actor.client.post("/service-accounts", json=machine, headers=staff)
    return Known(actor, address, made.json()["id"])


async def timed(client: AsyncClient, path: str, body: dict[str, Any]) -> tuple[float, int]:
    """Send a request; return the CPU seconds that it took, and its status."""
    began = process_time()
    answer = await client.post(path, json=body)
    return process_time() - began, answer.status_code


async def pairs(
    client: AsyncClient, path: str, bodies: Callable[[], list[dict[str, Any]]]
) -> AsyncIterator[tuple[float, float]]:
    """Yield the CPU seconds of both names, known and unknown, which take turns to be the first."""
    for number in range(WARM_UPS + PAIRS):
        known, unknown = bodies()
        sent = [unknown, known] if number % 2 else [known, unknown]
        (one, status), (other, other_status) = [await timed(client, path, body) for body in sent]
        assert status == other_status
        if number >= WARM_UPS:
            yield (other, one) if number % 2 else (one, other)


@pytest.mark.parametrize("request_", REQUESTS)
async def test_check_8_no_answer_differs_for_a_known_name(known: Known, request_: str) -> None:
    path, named, member, rest = REQUESTS[request_]
    name, unknown = named(known)
    sent = [{member: each, **rest} for each in (name, unknown())]
    answers = [await known.actor.client.post(path, json=body) for body in sent]
    shown = [(answer.status_code, comparable(answer)) for answer in answers]
    assert shown[0] == shown[1]


def comparable(answer: Response) -> tuple[dict[str, str], dict[str, Any]]:
    """Return headers and body, without what is another one in every answer."""
    body = answer.json()
    headers = {k: v for k, v in answer.headers.items() if k not in {"x-request-id", "date"}}
    body.pop("request_id", None)
    body.get("public_key", {}).pop("challenge", None)
    return headers, body


@pytest.mark.untraced
@pytest.mark.parametrize("request_", REQUESTS)
async def test_check_8_no_request_takes_longer_for_a_known_name(
    known: Known, request_: str
) -> None:
    path, named, member, rest = REQUESTS[request_]
    name, unknown = named(known)

    def bodies() -> list[dict[str, Any]]:
        return [{member: name, **rest}, {member: unknown(), **rest}]

    taken = [pair async for pair in pairs(known.actor.client, path, bodies)]
    slower = sum(one > other for one, other in taken)
    ratio = median(one / other for one, other in taken)
    if not PAIRS / 4 < slower < PAIRS * 3 / 4:
        assert 1 / MAX_RATIO < ratio < MAX_RATIO, (slower, ratio)
