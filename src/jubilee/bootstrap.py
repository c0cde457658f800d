"""The composition root: settings become adapters, adapters become services."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_bytes

from jubilee.adapters.argon2_passwords import Argon2Passwords
from jubilee.adapters.common_passwords import common_passwords
from jubilee.adapters.embedded.run_file import read_run_file
from jubilee.adapters.ids import new_id
from jubilee.adapters.jwt_tokens import JwtTokens
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.schema import schema_state
from jubilee.adapters.postgres.transaction import (
    PostgresTransaction,
    Stamp,
    transactions,
    views,
)
from jubilee.adapters.redis.birthdays import RedisTodayCache
from jubilee.adapters.redis.client import RedisClient
from jubilee.adapters.secret_file import kept_secret
from jubilee.domain.auth.service import AuthService, RefreshPolicy
from jubilee.domain.birthdays import BirthdayRules, BirthdayService, Strangers
from jubilee.domain.calendar import Calendar, LeapDayRule, local_dates
from jubilee.domain.health import HealthService, ReadSchema
from jubilee.domain.items import ItemService
from jubilee.domain.passwords import PasswordRules
from jubilee.domain.services import Services
from jubilee.domain.transaction import Begin
from jubilee.domain.users import UserService
from jubilee.entrypoints.http.app import HttpOptions
from jubilee.entrypoints.http.context import Limits
from jubilee.entrypoints.http.edge import request_id
from jubilee.entrypoints.http.server import Listening
from jubilee.settings import Settings

TOKEN_BYTES = 32


class NoServer(Exception):
    """Neither the settings nor a running `jubilee up` say where a server is."""


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the two servers are; both may hold a password."""

    postgres: str = field(repr=False)
    redis: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keys:
    """One key for each purpose, all from one secret."""

    access: bytes = field(repr=False)
    refresh: bytes = field(repr=False)
    cursor: bytes = field(repr=False)


def clock() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def server_urls(settings: Settings) -> Urls:
    """From the settings, else from the `jubilee up` that runs on the same data."""
    running = read_run_file(settings.data_dir)
    postgres = settings.postgres or (running.database_url if running else None)
    redis = settings.redis or (running.redis_url if running else None)
    if postgres is None:
        raise NoServer("no database: set DATABASE_URL, or start one by `make run`")
    if redis is None:
        raise NoServer("no Redis: set REDIS_URL, or start one by `make run`")
    return Urls(postgres, redis)


def keys(settings: Settings) -> Keys:
    """In development a secret is made where none is set."""
    given = settings.secret_key
    secret = (given.get_secret_value() if given else kept_secret(settings.data_dir)).encode()
    made = (
        hmac.digest(secret, purpose, "sha256") for purpose in (b"access", b"refresh", b"cursor")
    )
    return Keys(*made)


def http_options(settings: Settings) -> HttpOptions:
    """What the API needs beside its services."""
    return HttpOptions(
        limits=Limits(settings.max_body_bytes, settings.body_timeout),
        cursor_key=keys(settings).cursor,
        cors_origins=settings.backend_cors_origins,
    )


def listening(settings: Settings) -> Listening:
    """Where the API listens, and how it stops."""
    timeout, delay = settings.shutdown_timeout, settings.drain_delay
    return Listening(settings.host, settings.port, timeout, delay)


@dataclass(frozen=True, slots=True)
class Adapters:
    """What the ports are plugged into; nothing is connected before it is needed."""

    pool: ConnectionPool
    redis: RedisClient
    hasher: Argon2Passwords
    write: Begin[PostgresTransaction]
    read: Begin[PostgresTransaction]

    async def close(self) -> None:
        """Let go of threads and connections."""
        self.hasher.close()
        await self.redis.close()
        await self.pool.close()


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Every use case over the real adapters."""
    adapters = _adapters(settings)
    try:
        # The first look at the time zones reads hundreds of files: better now than in a request.
        await asyncio.to_thread(local_dates, clock(), settings.birthday_timezone)
        yield _services(settings, adapters, await schema_state(adapters.pool))
    finally:
        await adapters.close()


def _adapters(settings: Settings) -> Adapters:
    urls = server_urls(settings)
    pool = ConnectionPool(
        urls.postgres, size=settings.database_pool_size, patience=settings.database_timeout
    )
    stamp = Stamp(clock, new_id, request_id.get)
    return Adapters(
        pool=pool,
        redis=RedisClient(urls.redis, patience=settings.redis_timeout),
        hasher=_hasher(settings),
        write=transactions(pool, stamp),
        read=views(pool, stamp),
    )


def _services(settings: Settings, adapters: Adapters, schema: ReadSchema) -> Services:
    write, read = adapters.write, adapters.read
    today = RedisTodayCache(adapters.redis)
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
        health=HealthService(schema=schema, redis=adapters.redis.ping),
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


def _hasher(settings: Settings) -> Argon2Passwords:
    return Argon2Passwords(
        time_cost=settings.password_hash_time_cost,
        memory_kib=settings.password_hash_memory_kib,
        threads=settings.password_hash_threads,
    )


def _birthday_rules(settings: Settings) -> BirthdayRules:
    return BirthdayRules(
        time_zone=settings.birthday_timezone,
        leap_day=LeapDayRule(settings.leap_day_rule),
        strangers=Strangers(settings.hello_anonymous),
        most=settings.hello_max_anonymous,
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
