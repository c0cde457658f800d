"""The settings: read once from the environment and `.env`, checked, never changed."""

import os
from collections.abc import Mapping
from email.utils import parseaddr
from enum import Enum, StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from jubilee.domain.calendar import zone_names
from jubilee.domain.outbound.reach import AllowedHost
from jubilee.urls import (
    checked_database_url,
    checked_redis_url,
    checked_smtp_url,
    without_password,
)

DOTENV = ".env"
SECRET_BYTES = 32
SECRET_VARIETY = 10  # different characters
KNOWN_SECRETS = (
    "changeme",
    "change-me",
    "change-this",
    "your-s",
    "your_s",
    "secret-key",
    "default",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # of a known tutorial
)


class Environment(StrEnum):
    """Where the service runs; everything but development needs secrets of its own."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


def _environment(value: object) -> object:
    short = {"dev": "development", "local": "development", "stage": "staging", "prod": "production"}
    return short.get(str(value).lower(), str(value).lower())


def _origins(value: object) -> object:
    """A list in JSON's brackets or parted by commas."""
    if not isinstance(value, str):
        return value
    parts = value.strip().removeprefix("[").removesuffix("]").split(",")
    return tuple(part.strip().strip("\"'").rstrip("/") for part in parts if part.strip())


def _sender(text: str) -> str:
    if "@" not in parseaddr(text)[1].strip("@") or not text.isprintable():
        raise ValueError("it is an e-mail address, or a name and <an e-mail address>")
    return text


def _listed(value: object) -> object:
    """A list parted by commas."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _outbound_host(text: str) -> str:
    AllowedHost.parse(text)
    return text


def _zone(name: str) -> str:
    if name not in zone_names():
        raise ValueError("it is not the name of an IANA time zone")
    return name


def _postgres(name: str, old: str) -> AliasChoices:
    return AliasChoices(f"postgres_{name}", f"pg_{old}")


class Settings(BaseSettings):
    """Every setting with its default; `.env.example` lists them."""

    model_config = SettingsConfigDict(
        env_file=DOTENV,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        env_ignore_empty=True,
    )

    environment: Annotated[Environment, BeforeValidator(_environment)] = Field(
        Environment.DEVELOPMENT, description="development, staging or production"
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda v: str(v).upper())
    ] = Field("INFO", description="the least grave lines that are logged")
    log_format: Literal["json", "text"] | None = Field(
        None, description="lines for machines or for people; by ENVIRONMENT where not set"
    )
    host: str = Field("127.0.0.1", description="the address that the API listens on")
    port: int = Field(8000, ge=1, le=65535, description="the port that the API listens on")
    data_dir: Path = Field(Path(".data"), description="where embedded servers and secrets live")
    shutdown_timeout: PositiveFloat = Field(20, description="seconds until the API is gone")
    max_body_bytes: PositiveInt = Field(1 << 20, description="the largest request body")
    body_timeout: PositiveFloat = Field(20, description="seconds in which a body must arrive")
    backend_cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = Field(
        (), description="the origins whose pages may call the API"
    )

    database_url: Annotated[SecretStr, AfterValidator(checked_database_url)] | None = Field(
        None, description="PostgreSQL; wins over the parts below"
    )
    postgres_server: str | None = Field(None, validation_alias=_postgres("server", "host"))
    postgres_port: int = Field(5432, ge=1, le=65535, validation_alias=_postgres("port", "port"))
    postgres_user: str | None = Field(None, validation_alias=_postgres("user", "user"))
    postgres_password: SecretStr | None = Field(
        None, validation_alias=_postgres("password", "password")
    )
    postgres_db: str | None = Field(None, validation_alias=_postgres("db", "db"))
    database_pool_size: PositiveInt = Field(20, description="connections of one process")
    database_timeout: PositiveFloat = Field(2.5, description="seconds one use of it may take")

    redis_url: Annotated[SecretStr, AfterValidator(checked_redis_url)] | None = Field(
        None, description="Redis or Valkey; wins over the parts below"
    )
    redis_host: str | None = Field(None, description="its host name")
    redis_port: int = Field(6379, ge=1, le=65535, description="its port")
    redis_password: SecretStr | None = Field(None, description="its password")
    redis_timeout: PositiveFloat = Field(0.2, description="seconds one command may take")

    secret_key: SecretStr | None = Field(None, description="signs tokens and cursors")
    access_token_expire_minutes: PositiveInt = Field(30, description="life of an access token")
    refresh_token_expire_days: PositiveInt = Field(30, description="life of an unused session")
    token_issuer: str = Field("jubilee", description="`iss` of access tokens")
    token_audience: str = Field("jubilee", description="`aud` of access tokens")
    password_min_length: int = Field(8, ge=8, le=128, description="code points")
    password_hash_memory_kib: int = Field(19_456, ge=8_192, description="Argon2id's memory")
    password_hash_time_cost: int = Field(2, ge=1, le=20, description="Argon2id's passes")
    password_hash_threads: int = Field(2, ge=1, le=64, description="hashes made at a time")

    birthday_timezone: Annotated[str, AfterValidator(_zone)] = Field(
        "UTC", description="whose calendar says what today is, where a person named no zone"
    )
    leap_day_rule: Literal["mar1", "feb28"] = Field(
        "mar1", description="when those born on 29 February celebrate in a common year"
    )
    greeting_hour: int = Field(
        9, ge=0, le=23, description="the local hour of birthday greetings by mail"
    )
    greeting_on_unknown: Literal["park", "resend"] = Field(
        "park", description="what becomes of a greeting that may have been sent"
    )
    hello_anonymous: Literal["open", "create", "off"] = Field(
        "open", description="what strangers may save: anything, new names, nothing"
    )
    hello_max_anonymous: int = Field(1_000_000, ge=0, description="names that strangers may save")

    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="a listener for the API's metrics instead of /metrics"
    )
    worker_metrics_port: int | None = Field(
        9101, ge=1, le=65535, description="where a worker's metrics are read"
    )
    slow_query_ms: PositiveFloat = Field(500, description="statements past it are logged")
    lease_seconds: float = Field(30, ge=1, le=3600, description="how long a claim on a job lasts")
    job_timeout: PositiveFloat = Field(
        300, description="seconds that one attempt at a job may take, whatever its kind allows"
    )
    worker_system_slots: PositiveInt = Field(10, description="the service's own jobs at a time")
    worker_user_slots: PositiveInt = Field(20, description="people's tasks at a time")
    worker_read_limit: PositiveInt = Field(
        500, description="jobs looked at in Redis; more than twice the slots of all workers"
    )
    tasks_live_per_user: PositiveInt = Field(
        10_000, description="tasks of one account that have yet to end"
    )
    task_retention: PositiveFloat = Field(7, description="days after which ended jobs leave")

    smtp_url: Annotated[SecretStr, AfterValidator(checked_smtp_url)] | None = Field(
        None, description="the mail server: smtp://user:password@host:587 or smtps://…"
    )
    mail_from: Annotated[str, AfterValidator(_sender)] = Field(
        "Jubilee <jubilee@localhost>", description="who writes the service's mail"
    )
    mail_dir: Path | None = Field(None, description="where mail lands as files without SMTP_URL")
    outbound_allowed_hosts: Annotated[
        tuple[Annotated[str, AfterValidator(_outbound_host)], ...],
        NoDecode,
        BeforeValidator(_listed),
    ] = Field((), description="where everybody's http.request may go: host, *.host, host:port")
    outbound_allowed_networks: Annotated[
        tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_listed)
    ] = Field((), description="the same by address: 10.1.0.0/16")

    drain_delay: NonNegativeFloat = Field(
        0, description="seconds between 'not ready' and the last accepted connection"
    )

    @model_validator(mode="after")
    def _strong_secret(self) -> "Settings":
        if self.environment is Environment.DEVELOPMENT:
            return self
        secret = self.secret_key.get_secret_value().strip() if self.secret_key else ""
        if len(secret.encode()) < SECRET_BYTES or len(set(secret)) < SECRET_VARIETY:
            raise ValueError(
                f"SECRET_KEY needs {SECRET_BYTES} bytes and {SECRET_VARIETY} different characters"
                f" in {self.environment.value}"
            )
        if any(known in secret.lower() for known in KNOWN_SECRETS):
            raise ValueError("SECRET_KEY is one that everybody knows")
        return self

    @property
    def postgres(self) -> str | None:
        """The database's URL, from DATABASE_URL or from its parts; None means the embedded one."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        if not (self.postgres_server or self.postgres_user or self.postgres_db):
            return None
        password = self.postgres_password.get_secret_value() if self.postgres_password else ""
        user = quote(self.postgres_user or "postgres", safe="")
        login = f"{user}:{quote(password, safe='')}" if password else user
        host, database = self.postgres_server or "localhost", self.postgres_db or "app"
        return f"postgresql://{login}@{host}:{self.postgres_port}/{quote(database, safe='')}"

    @property
    def redis(self) -> str | None:
        """Redis' URL, from REDIS_URL or from its parts; None means the embedded one."""
        if self.redis_url is not None:
            return self.redis_url.get_secret_value()
        if not self.redis_host:
            return None
        password = self.redis_password.get_secret_value() if self.redis_password else ""
        login = f":{quote(password, safe='')}@" if password else ""
        return f"redis://{login}{self.redis_host}:{self.redis_port}/0"

    def masked(self) -> dict[str, str]:
        """The settings by their names in the environment; nothing secret in them."""
        smtp = self.smtp_url.get_secret_value() if self.smtp_url else None
        urls = {"database_url": self.postgres, "redis_url": self.redis, "smtp_url": smtp}
        shown = {name: _shown(value) for name, value in self.model_dump().items()}
        shown |= {name: without_password(url) for name, url in urls.items() if url}
        return {name.upper(): value for name, value in shown.items()}


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case Enum():
            return str(value.value)
        case tuple():
            return ",".join(str(part) for part in value)
        case _:
            return str(value)


def export_variables() -> Mapping[str, str]:
    """The OTEL_* variables; those of `.env` are put beside the environment's.

    OpenTelemetry reads most of them by itself, and looks nowhere else.
    """
    for name, value in dotenv_values(DOTENV).items():
        if name.startswith("OTEL_") and value:
            os.environ.setdefault(name, value)
    return {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}
