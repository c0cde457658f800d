"""The services over the real adapters, and what the API needs beside them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_bytes

from jubilee.adapters.common_passwords import common_passwords
from jubilee.adapters.ids import new_id
from jubilee.adapters.jwt_tokens import JwtTokens
from jubilee.adapters.postgres.capacity import PostgresCapacity
from jubilee.adapters.postgres.jobs.backlog import PostgresBacklog
from jubilee.adapters.postgres.jobs.tasks import PostgresLiveJobs
from jubilee.adapters.postgres.schema_state import schema_state
from jubilee.adapters.redis.birthdays import RedisTodayCache
from jubilee.bootstrap.adapters import Adapters, open_adapters
from jubilee.bootstrap.job_kinds import MakeKinds, every_kind
from jubilee.bootstrap.mail import mail_is_configured
from jubilee.bootstrap.servers import clock, keys
from jubilee.bootstrap.telemetry import ProcessInfo, Telemetry
from jubilee.domain.auth.service import AuthService, RefreshPolicy
from jubilee.domain.birthday_rules import AnonymousPolicy, BirthdayRules
from jubilee.domain.birthdays import BirthdayService
from jubilee.domain.calendar import Calendar, LeapDayRule, local_dates
from jubilee.domain.health import HealthService, ReadConnectionBudget, ReadSchema
from jubilee.domain.items import ItemService
from jubilee.domain.jobs.backlog import BacklogReader
from jubilee.domain.jobs.kinds import JobKinds
from jubilee.domain.jobs.waiter import JobWaiter
from jubilee.domain.passwords import PasswordRules
from jubilee.domain.services import Services
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.users import UserService
from jubilee.entrypoints.http.app import HttpOptions
from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from jubilee.entrypoints.http.connections.server import ListenOptions
from jubilee.entrypoints.http.framework.context import BodyLimits
from jubilee.settings import Settings

TOKEN_BYTES = 32
BODY_ANSWER_S = 1.0  # for the application to refuse a slow body itself, before its connection ends


def http_options(settings: Settings, telemetry: Telemetry) -> HttpOptions:
    """What the API needs beside its services."""
    return HttpOptions(
        limits=BodyLimits(settings.max_body_bytes, settings.body_timeout, settings.request_timeout),
        cursor_key=keys(settings).cursor,
        cors_origins=settings.backend_cors_origins,
        meter=telemetry.http,
        exposition=telemetry.exposition if settings.api_metrics_port is None else None,
        trace=telemetry.traced,
        connections=ConnectionLimits(
            settings.max_connections, body_s=settings.body_timeout + BODY_ANSWER_S
        ),
        connection_observer=telemetry.connections,
    )


def listening(settings: Settings) -> ListenOptions:
    """Where the API listens, and how it stops."""
    timeout, delay = settings.shutdown_timeout, settings.drain_delay
    return ListenOptions(settings.host, settings.port, timeout, delay)


@dataclass(frozen=True, slots=True)
class OpenServices:
    """Every use case over the real adapters, and what is counted of them."""

    services: Services
    telemetry: Telemetry
    backlog: BacklogReader
    connections: ReadConnectionBudget


@asynccontextmanager
async def open_services(
    settings: Settings, make_kinds: MakeKinds = every_kind, process: ProcessInfo | None = None
) -> AsyncIterator[OpenServices]:
    """Open now, closed at the end; `process` says what is shown of it meanwhile."""
    async with open_adapters(settings, process) as adapters:
        # The first look at the time zones reads hundreds of files: better now than in a request.
        await asyncio.to_thread(local_dates, clock(), settings.birthday_timezone)
        kinds = JobKinds(make_kinds(settings, adapters))
        services = _services(settings, adapters, kinds, await schema_state(adapters.pool))
        backlog, connections = PostgresBacklog(adapters.pool), PostgresCapacity(adapters.pool)
        yield OpenServices(services, adapters.telemetry, backlog, connections)


def _services(
    settings: Settings, adapters: Adapters, kinds: JobKinds, schema: ReadSchema
) -> Services:
    write, read = adapters.write, adapters.read
    today = RedisTodayCache(adapters.redis, adapters.telemetry.redis.lookup)
    return Services(
        auth=_auth(settings, adapters),
        users=UserService(
            write=write,
            read=read,
            hasher=adapters.hasher,
            rules=PasswordRules(settings.password_min_length, common_passwords()),
            clock=clock,
            new_id=new_id,
            calendar=Calendar(clock, settings.birthday_timezone),
            birthdays_changed=today.forget,
        ),
        items=ItemService(write=write, read=read, clock=clock, new_id=new_id),
        birthdays=BirthdayService(
            write=write,
            read=read,
            cache=today,
            rules=_birthday_rules(settings),
            clock=clock,
            new_id=new_id,
        ),
        tasks=TaskService(
            write=write,
            read=read,
            kinds=kinds,
            waiter=JobWaiter(PostgresLiveJobs(adapters.pool)),
            clock=clock,
            new_id=new_id,
            max_live_per_owner=settings.tasks_live_per_user,
        ),
        health=HealthService(
            schema=schema, redis=adapters.redis.ping, mail=mail_is_configured(settings)
        ),
    )


def _auth(settings: Settings, adapters: Adapters) -> AuthService:
    return AuthService(
        write=adapters.write,
        read=adapters.read,
        hasher=adapters.hasher,
        signer=_signer(settings),
        refresh_policy=_refresh_policy(settings),
        clock=clock,
        new_id=new_id,
    )


def _birthday_rules(settings: Settings) -> BirthdayRules:
    return BirthdayRules(
        time_zone=settings.birthday_timezone,
        leap_day=LeapDayRule(settings.leap_day_rule),
        anonymous=AnonymousPolicy(settings.hello_anonymous),
        max_anonymous=settings.hello_max_anonymous,
    )


def _signer(settings: Settings) -> JwtTokens:
    return JwtTokens(
        keys(settings).access,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        lifetime=settings.access_token_expire_minutes * 60,
    )


def _refresh_policy(settings: Settings) -> RefreshPolicy:
    return RefreshPolicy(
        key=keys(settings).refresh,
        idle=timedelta(days=settings.refresh_token_expire_days),
        make_secret=lambda: token_bytes(TOKEN_BYTES),
    )
