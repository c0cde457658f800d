"""Fixtures that more than one folder uses; the real servers' are in tests/servers.py."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from secrets import token_bytes
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import HealthCheck, settings
from starlette.types import ASGIApp

from jubilee.adapters.address_cipher import AesAddressCipher
from jubilee.adapters.answer_cipher import AesAnswerCipher
from jubilee.adapters.common_passwords import common_passwords
from jubilee.adapters.export_cipher import AesExportCipher
from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.schema import upgrade
from jubilee.adapters.secret_cipher import AesSecretCipher
from jubilee.adapters.ticket_sealer import AesTicketSealer
from jubilee.adapters.tokens.jwt_tokens import JwtTokens
from jubilee.adapters.tokens.key_ring import OpenedKeyRing
from jubilee.adapters.tokens.key_vault import AesKeyVault
from jubilee.adapters.totp import PyotpAlgorithm
from jubilee.adapters.webauthn_passkeys import RelyingParty, WebAuthnPasskeys
from jubilee.bootstrap.identities import make_secret
from jubilee.bootstrap.service_policy import Policy
from jubilee.bootstrap.service_ports import Ports
from jubilee.bootstrap.services import build_services
from jubilee.domain.api_tokens.service import ApiTokenRules
from jubilee.domain.api_tokens.text import SECRET_BYTES
from jubilee.domain.attempts.attempt import DEFAULT_LIMITS
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.auth.opening import RefreshPolicy
from jubilee.domain.auth.sessions import ClientInfo
from jubilee.domain.birthday_rules import BirthdayRules
from jubilee.domain.factors.factor import MfaRequirement
from jubilee.domain.factors.verifier import CODE_LIMITS, FactorVerifier
from jubilee.domain.greetings.opt_out import OptOutTokens
from jubilee.domain.identities.flow import FlowRules
from jubilee.domain.identities.provider import Providers
from jubilee.domain.identity import OPERATOR, Principal
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.one_time.secrets import LinkSecrets
from jubilee.domain.passwords import PasswordRules
from jubilee.domain.services import Services
from jubilee.domain.signing_keys.changes import KeyPolicy
from jubilee.domain.signing_keys.key import KeyAlgorithm
from jubilee.domain.tasks.echo import Echo
from jubilee.domain.users.user import EmailPolicy, Profile, User
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests
from jubilee.entrypoints.http.framework.cors import CorsHeaders
from jubilee.entrypoints.http.framework.edge import EdgeRules
from tests.fakes.attempts import FakeAttemptObserver
from tests.fakes.birthdays import FakeTodayCache
from tests.fakes.health import redis_answers, schema_is_current
from tests.fakes.mail_worker import FakeMailWorker
from tests.fakes.memory_guard import memory_guard
from tests.fakes.passwords import FakePasswordHasher
from tests.fakes.store import FakeClock, FakeStore
from tests.fakes.tasks import FakeLiveJobReader
from tests.servers import Servers, fresh_database

pytest_plugins = [
    "tests.exclusive",
    "tests.garbage",
    "tests.servers",
    "tests.tls_context",
    "tests.untraced",
]

# The duration of an example depends on the machine.
settings.register_profile(
    "any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# A background job of a shell ignores Ctrl-C, and so would all programs that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

PASSWORD = "correct horse battery"
CALLBACK = "http://api.test/auth/oidc/{provider}/callback"
RETURN = "https://app.example/signed-in"
read_common_passwords = cache(common_passwords)  # once for all tests


@pytest.fixture(scope="session")
async def migrated(servers: Servers) -> AsyncIterator[str]:
    """The name of a migrated database, which is the template of all others."""
    async with fresh_database(servers) as url:
        await asyncio.to_thread(upgrade, url)
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
async def session_url(servers: Servers, migrated: str) -> AsyncIterator[str]:
    """The URL of `database_url` past a pooler: migrations, roles and names of connections."""
    async with fresh_database(servers, migrated) as url:
        yield url


@pytest.fixture
def database_url(session_url: str, pooler_url: str | None) -> str:
    """The URL of a new database with the current schema."""
    return session_url if pooler_url is None else f"{pooler_url}{urlsplit(session_url).path}"


@pytest.fixture
def clock() -> FakeClock:
    """A clock that tests move."""
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> FakeStore:
    """The rows of the fakes."""
    return FakeStore(clock=clock)


@pytest.fixture
def passwords() -> FakePasswordHasher:
    """A password hasher without the cost."""
    return FakePasswordHasher()


@pytest.fixture
def birthday_rules() -> BirthdayRules:
    """The defaults; a test overrides this one."""
    return BirthdayRules()


@pytest.fixture
def email_policy() -> EmailPolicy:
    """The default; a test overrides this one."""
    return EmailPolicy()


@pytest.fixture
def attempt_observer() -> FakeAttemptObserver:
    """Has what is logged of attempts and locks."""
    return FakeAttemptObserver()


@pytest.fixture
def guard(store: FakeStore, attempt_observer: FakeAttemptObserver) -> AttemptGuard:
    """Limits attempts in memory."""
    return memory_guard(DEFAULT_LIMITS, store, attempt_observer)


@pytest.fixture
def providers() -> Providers:
    """No provider of sign-in; a test overrides this one."""
    return {}


@pytest.fixture
def verifier(
    store: FakeStore, clock: FakeClock, attempt_observer: FakeAttemptObserver
) -> FactorVerifier:
    """Verifies codes of second factors by the real algorithms."""
    guard = memory_guard(CODE_LIMITS, store, attempt_observer)
    return FactorVerifier(guard, PyotpAlgorithm("Jubilee"), AesSecretCipher(b"f" * 32), clock)


@pytest.fixture
def mfa_requirement() -> MfaRequirement:
    """The default; a test overrides this one."""
    return MfaRequirement.OFF


@pytest.fixture
def policy(
    birthday_rules: BirthdayRules, mfa_requirement: MfaRequirement, email_policy: EmailPolicy
) -> Policy:
    """The rules of the services."""
    return Policy(
        refresh=RefreshPolicy(b"r" * 32, timedelta(days=30), lambda: token_bytes(32)),
        passwords=PasswordRules(8, read_common_passwords()),
        birthdays=birthday_rules,
        max_live_tasks=10,
        api_tokens=ApiTokenRules(
            timedelta(days=90), timedelta(days=366), 5, lambda: token_bytes(SECRET_BYTES)
        ),
        keys=KeyPolicy(
            KeyAlgorithm.EDDSA, period=timedelta(days=90), lifetime=timedelta(minutes=30)
        ),
        mfa_requirement=mfa_requirement,
        challenge_keys=(b"w" * 32,),
        email=email_policy,
        flow=FlowRules(CALLBACK, (RETURN,)),
    )


@pytest.fixture
def ports(
    store: FakeStore,
    passwords: FakePasswordHasher,
    guard: AttemptGuard,
    verifier: FactorVerifier,
    providers: Providers,
) -> Ports:
    """The fakes, and the adapters that need no server."""
    vault = AesKeyVault(b"v" * 32)
    ring = OpenedKeyRing(vault, KeyAlgorithm.EDDSA)
    return Ports(
        write=store.transaction,
        write_one=store.view,
        read=store.view,
        read_list=store.view,
        hasher=passwords,
        guard=guard,
        signer=JwtTokens(b"k" * 32, issuer="jubilee", audience="jubilee", lifetime=1800, ring=ring),
        key_vault=vault,
        factors=verifier,
        passkeys=WebAuthnPasskeys(RelyingParty("localhost", "Jubilee", ["http://localhost:8000"])),
        cipher=AesAnswerCipher(b"a" * 32),
        address_cipher=AesAddressCipher(b"e" * 32),
        link_secrets=LinkSecrets(b"l" * 32),
        opt_out=OptOutTokens(b"l" * 32),
        export_cipher=AesExportCipher(b"e" * 32),
        ticket_sealer=AesTicketSealer(b"t" * 32),
        providers=providers,
        make_secret=make_secret,
        today_cache=FakeTodayCache(),
        live_jobs=FakeLiveJobReader(lambda: store.tasks),
        job_kinds=JobKinds([Echo()]),
        read_schema=schema_is_current,
        ping_redis=redis_answers,
        clock=store.clock,
        new_id=new_id,
    )


@pytest.fixture
def services(ports: Ports, policy: Policy) -> Services:
    """Every use case over the fakes."""
    return build_services(ports, policy)


@pytest.fixture
def mails(store: FakeStore, ports: Ports, email_policy: EmailPolicy) -> FakeMailWorker:
    """A worker that sends the mails which wait."""
    return FakeMailWorker(store, ports, email_policy)


@pytest.fixture
def app(services: Services) -> ASGIApp:
    """The API over the fakes."""
    options = HttpOptions(
        limits=BodyLimits(1 << 20, 5),
        cursor_keys=(b"c" * 32,),
        edge=EdgeRules(cors=CorsHeaders(["https://app.example"])),
    )
    return build_app(services, options, InFlightRequests())


@pytest.fixture
async def client(app: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the API in process, at its canonical mount."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test/api") as client:
        yield client


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in account."""

    user: User
    principal: Principal
    headers: dict[str, str]
    refresh_token: str


SignUp = Callable[..., Awaitable[Person]]


@pytest.fixture
def sign_up(services: Services) -> SignUp:
    """Register an account and sign in: `await sign_up("zoe", is_superuser=True)`.

    `roles` are granted to it, such as `["support"]`.
    """

    async def signed_up(name: str = "zoe", roles: Sequence[str] = (), **profile: object) -> Person:
        given = Profile(email=f"{name}@example.com", username=name)
        user = await services.users.register({**given, **profile}, PASSWORD)  # type: ignore[typeddict-item]  # fields of a profile
        if roles:
            await services.roles.put(user.id, roles, by=OPERATOR)
        tokens = await services.auth.sign_in(name, PASSWORD, ClientInfo("192.0.2.7", "test"))
        principal = await services.auth.authenticate(tokens.access)
        headers = {"Authorization": f"Bearer {tokens.access}"}
        return Person(user, principal, headers, tokens.refresh)

    return signed_up
