"""The service in process over a real PostgreSQL, which the tests of a file share."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from starlette.types import ASGIApp

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.single_writes import single_writes
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.bootstrap.identities import make_provider
from jubilee.bootstrap.service_policy import Policy
from jubilee.bootstrap.service_ports import Ports
from jubilee.domain.attempts.attempt import AttemptLimits
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.identities.provider import Providers
from jubilee.domain.services import Services
from jubilee.domain.users.user import EmailPolicy
from jubilee.settings.identity_providers import ProviderSettings
from tests.attacks.actors import World
from tests.attacks.flow import Flow
from tests.attacks.issuer import ManyPeopleIssuer
from tests.attacks.mail import PostgresMailWorker
from tests.fakes.attempts import FakeAttemptObserver
from tests.fakes.issuer import CLIENT_ID, ISSUER
from tests.fakes.memory_guard import memory_guard
from tests.fakes.store import FakeClock, FakeStore
from tests.servers import Servers, fresh_database

CONNECTIONS = 10
ENDLESS = AttemptLimits(account=10_000, address=10_000)


@pytest.fixture(scope="module")
async def pool(
    servers: Servers, migrated: str, pooler_url: str | None
) -> AsyncIterator[ConnectionPool]:
    """Connections to a database of this file; each test has accounts of its own in it."""
    async with fresh_database(servers, migrated) as url:
        at = url if pooler_url is None else f"{pooler_url}{urlsplit(url).path}"
        pool = ConnectionPool(at, size=CONNECTIONS, timeout=30)
        yield pool
        await pool.close()


@pytest.fixture
def flow(request: pytest.FixtureRequest) -> Flow:
    """The flow that is attacked."""
    found: Flow = request.param
    return found


@pytest.fixture
def email_policy(flow: Flow) -> EmailPolicy:
    """The policy that the flow needs."""
    return flow.policy


@pytest.fixture
def clock() -> FakeClock:
    """The current time, as PostgreSQL's clock ends sessions, too."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture
def guard(store: FakeStore, attempt_observer: FakeAttemptObserver) -> AttemptGuard:
    """Locks no account: the flows have to hold without it."""
    return memory_guard(ENDLESS, store, attempt_observer)


@pytest.fixture
def issuer() -> ManyPeopleIssuer:
    """The provider of sign-in."""
    return ManyPeopleIssuer()


@pytest.fixture
def providers(issuer: ManyPeopleIssuer) -> Providers:
    """Providers by name."""
    chosen = ProviderSettings(name="here", issuer=ISSUER, client_id=CLIENT_ID)
    return {"here": make_provider(chosen, issuer)}


@pytest.fixture
def policy(policy: Policy) -> Policy:
    """The policy with days of grace."""
    tokens = replace(policy.api_tokens, max_per_account=50)
    return replace(policy, deletion_grace=timedelta(days=30), api_tokens=tokens)


@pytest.fixture
def ports(ports: Ports, pool: ConnectionPool, clock: FakeClock) -> Ports:
    """The ports over PostgreSQL."""
    context = WriteContext(clock, new_id, lambda: None)
    view = views(pool, context)
    return replace(
        ports,
        write=transactions(pool, context),
        write_one=single_writes(pool, context),
        read=view,
        read_list=view,
    )


@pytest.fixture
def mails(
    store: FakeStore, ports: Ports, email_policy: EmailPolicy, pool: ConnectionPool
) -> PostgresMailWorker:
    """A worker that sends the mails which wait."""
    return PostgresMailWorker(store, ports, email_policy, pool=pool)


@pytest.fixture
async def world(
    app: ASGIApp, services: Services, mails: PostgresMailWorker, issuer: ManyPeopleIssuer
) -> World:
    """The service and what is around it."""
    world = World(app, services, mails, issuer)
    await world.add_staff()
    return world
