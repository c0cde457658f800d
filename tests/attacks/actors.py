"""The people who do the flows, and what they know."""

from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_bytes, token_hex
from typing import Any

import httpx2
from starlette.types import ASGIApp

from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.identity import OPERATOR
from jubilee.domain.services import Services
from jubilee.domain.users.user import Profile
from tests.attacks.mail import PostgresMailWorker
from tests.attacks.rows import AccountRows, read_rows
from tests.fakes.issuer import FakeIssuer
from tests.support.authenticator import SoftAuthenticator

LAPTOP = ClientInfo("192.0.2.7", "test")


@dataclass(slots=True)
class World:
    """The service over a real PostgreSQL, and the systems around it."""

    app: ASGIApp
    services: Services
    mails: PostgresMailWorker
    issuer: FakeIssuer
    staff: dict[str, str] = field(default_factory=dict)
    """Access tokens of an account of each role that acts on others."""

    @property
    def pool(self) -> ConnectionPool:
        """Connections to PostgreSQL."""
        return self.mails.pool

    @property
    def now(self) -> datetime:
        """The time of the service."""
        return self.mails.store.clock()

    async def add_staff(self) -> None:
        """Add an account of each of these roles."""
        await self.mails.waiting()  # those of the test before
        for role in ("admin", "support"):
            self.staff[role] = await self._session_of(role)

    async def actor(self, *, registered: bool = True) -> "Actor":
        """Return a new person, with an account and a session or without."""
        actor = Actor(self, f"zoe{token_hex(4)}")
        actor.values |= {"email": f"{actor.name}@example.com", "name": actor.name}
        actor.values |= {
            "new_email": f"{actor.name}@example.org",
            "password": f"an engine of {token_hex(8)}",
            "new_password": f"an engine of {token_hex(8)}",
            "verifier": token_hex(32),
            "device": SoftAuthenticator(credential_id=token_bytes(16)),
        }
        actor.values |= self.staff
        if registered:
            await self._register(actor)
        return actor

    async def _register(self, actor: "Actor") -> None:
        values = actor.values
        profile = Profile(email=values["email"], username=actor.name)
        user = await self.services.users.register(profile, values["password"], by=OPERATOR)
        tokens = await self.services.auth.sign_in(actor.name, values["password"], LAPTOP)
        values |= {"id": str(user.id), "session": tokens.access, "refresh": tokens.refresh}

    async def _session_of(self, role: str) -> str:
        """Return an access token of a new account of this role."""
        name, password = f"{role}{token_hex(4)}", token_hex(8)
        profile = Profile(email=f"{name}@example.com", username=name)
        user = await self.services.users.register(profile, password, by=OPERATOR)
        await self.services.roles.put(user.id, [role], by=OPERATOR)
        return (await self.services.auth.sign_in(name, password, LAPTOP)).access


@dataclass(slots=True)
class Actor:
    """A person who does a flow."""

    world: World
    name: str
    values: dict[str, Any] = field(default_factory=dict)
    """What the person knows by name: credentials, and what the steps so far have given."""
    client: httpx2.AsyncClient = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Open a client with cookies of its own."""
        transport = httpx2.ASGITransport(self.world.app)
        self.client = httpx2.AsyncClient(transport=transport, base_url="http://api.test/api")

    async def rows(self) -> AccountRows:
        """Return what PostgreSQL has of the account."""
        return await read_rows(self.world.pool, self.name)
