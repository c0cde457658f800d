"""Open the services over the real adapters, for the API and for commands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from time import time

from jubilee.adapters.answer_cipher import AesAnswerCipher
from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs.tasks import PostgresLiveJobs
from jubilee.adapters.postgres.last_uses import session_uses, token_uses
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.schema_state import schema_state
from jubilee.adapters.redis.quotas import RedisQuotaStore
from jubilee.adapters.ticket_sealer import AesTicketSealer
from jubilee.bootstrap.adapters import Adapters, open_adapters
from jubilee.bootstrap.address_places import address_places
from jubilee.bootstrap.attempts import attempt_guard
from jubilee.bootstrap.background_tasks import background_tasks
from jubilee.bootstrap.breaches import breach_check
from jubilee.bootstrap.factors import factor_verifier
from jubilee.bootstrap.identities import make_secret, sign_in_providers
from jubilee.bootstrap.job_kinds import MakeKinds, every_kind
from jubilee.bootstrap.leaving import export_cipher
from jubilee.bootstrap.one_time import address_cipher, link_secrets, opt_out_tokens
from jubilee.bootstrap.passkeys import webauthn_passkeys
from jubilee.bootstrap.policy import service_policy
from jubilee.bootstrap.servers import clock, signing_keys
from jubilee.bootstrap.service_ports import Ports
from jubilee.bootstrap.services import build_services
from jubilee.bootstrap.signing_keys import key_vault, report_load_failure, token_signer
from jubilee.bootstrap.telemetry import ProcessInfo, Telemetry
from jubilee.domain.api_tokens.token import ApiTokenId
from jubilee.domain.auth.address_places import AddressPlaceReader
from jubilee.domain.calendar import local_dates
from jubilee.domain.errors import Unavailable
from jubilee.domain.health import ReadSchema, SchemaStatus
from jubilee.domain.identity import SessionId
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.last_uses import SESSION_USES, TOKEN_USES, LastUses
from jubilee.domain.rate_limits.limiter import RateLimiter
from jubilee.domain.rate_limits.quotas import parse_quotas
from jubilee.domain.services import Services
from jubilee.domain.signing_keys.loading import KeyLoader
from jubilee.entrypoints.shutdown import ShutdownBudget
from jubilee.settings import Settings

READ_ZONES_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class Application:
    """The services over open adapters, and what the API needs beside them."""

    services: Services
    telemetry: Telemetry
    cursor_keys: tuple[bytes, ...] = field(repr=False)
    rate_limiter: RateLimiter | None


@asynccontextmanager
async def open_application(
    settings: Settings,
    make_kinds: MakeKinds = every_kind,
    process: ProcessInfo | None = None,
    *,
    command: str = "command",
) -> AsyncIterator[Application]:
    """Open adapters and build the services; close the adapters at the end.

    Without a `process` no metrics are served and no telemetry is exported. Raises NoServer.
    """
    async with AsyncExitStack() as ends:
        opening = open_adapters(settings, process, command=command)
        adapters = await ends.enter_async_context(opening)
        signing, uses = signing_keys(settings), _credential_uses(adapters.pool)
        breaches = breach_check(settings, adapters.telemetry, ends.enter_context(ExitStack()))
        kinds = JobKinds(make_kinds(settings, adapters))
        places = address_places(settings, ends.enter_context(ExitStack()))
        ports = await _ports(settings, adapters, kinds, uses, places)
        policy = service_policy(settings, breaches, *(keys.refresh for keys in signing))
        services = build_services(ports, policy)
        if process is not None:
            await _load_keys(services.key_loader, ports.read_schema)
            loading = partial(services.key_loader.run, report_load_failure)
            zones = partial(_read_time_zones, settings.birthday_timezone)
            work = (ports.guard.watch_locks, loading, uses.tokens.run, uses.sessions.run, zones)
            budget = ShutdownBudget(drain_s=settings.shutdown_timeout)
            await ends.enter_async_context(background_tasks(*work, cancel_s=budget.cancel_s))
        yield Application(
            services=services,
            telemetry=adapters.telemetry,
            cursor_keys=tuple(keys.cursor for keys in signing),
            rate_limiter=_rate_limiter(settings, adapters, signing[0].counters),
        )


@dataclass(frozen=True, slots=True)
class _CredentialUses:
    tokens: LastUses[ApiTokenId]
    sessions: LastUses[SessionId]


def _credential_uses(pool: ConnectionPool) -> _CredentialUses:
    return _CredentialUses(
        tokens=LastUses(token_uses(pool), TOKEN_USES),
        sessions=LastUses(session_uses(pool), SESSION_USES),
    )


async def _read_time_zones(zone: str) -> None:
    """Read the files of all time zones, hundreds, after the start and ahead of most requests."""
    await asyncio.sleep(READ_ZONES_AFTER_S)
    await asyncio.to_thread(local_dates, clock(), zone)


async def _load_keys(keys: KeyLoader, read_schema: ReadSchema) -> None:
    """Load the signing keys before the first request, if the schema has them."""
    with suppress(Unavailable):
        if await read_schema() is not SchemaStatus.BEHIND:
            await keys.first()


async def _ports(
    settings: Settings,
    adapters: Adapters,
    kinds: JobKinds,
    uses: _CredentialUses,
    places: AddressPlaceReader | None,
) -> Ports:
    vault, signing = key_vault(settings), signing_keys(settings)
    return Ports(
        write=adapters.write,
        write_one=adapters.write_one,
        read=adapters.read,
        read_list=adapters.read_list,
        hasher=adapters.hasher,
        guard=attempt_guard(adapters, signing[0].counters),
        factors=factor_verifier(settings, adapters),
        passkeys=webauthn_passkeys(settings),
        signer=token_signer(settings, vault),
        key_vault=vault,
        cipher=AesAnswerCipher(*(keys.answer for keys in signing)),
        address_cipher=address_cipher(settings),
        link_secrets=link_secrets(settings),
        opt_out=opt_out_tokens(settings),
        export_cipher=export_cipher(settings),
        ticket_sealer=AesTicketSealer(*(keys.ticket for keys in signing)),
        providers=sign_in_providers(settings),
        make_secret=make_secret,
        today_cache=adapters.today_cache,
        live_jobs=PostgresLiveJobs(adapters.pool),
        job_kinds=kinds,
        read_schema=await schema_state(adapters.pool),
        ping_redis=adapters.redis.ping,
        clock=clock,
        new_id=new_id,
        places=places,
        note_token_use=uses.tokens.note,
        note_session_use=uses.sessions.note,
    )


def _rate_limiter(settings: Settings, adapters: Adapters, secret: bytes) -> RateLimiter | None:
    quotas = parse_quotas(settings.rate_limits)
    if quotas is None:
        return None
    return RateLimiter(quotas, RedisQuotaStore(adapters.redis, secret), time)
