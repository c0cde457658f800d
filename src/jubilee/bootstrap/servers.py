"""URLs of PostgreSQL and Redis, signing keys, and the machine's clock."""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime

from jubilee.adapters.embedded.run_file import RUN_FILE, read_run_file
from jubilee.adapters.secret_file import development_secret
from jubilee.bootstrap.errors import BadConfiguration
from jubilee.settings import Settings


class NoServer(BadConfiguration):
    """Neither the settings nor a running `jubilee up` name a server."""


@dataclass(frozen=True, slots=True)
class ServerUrls:
    """URLs of PostgreSQL and Redis; they may contain passwords."""

    postgres: str = field(repr=False)
    redis: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """Keys derived from SECRET_KEY, each for one purpose."""

    access: bytes = field(repr=False)
    refresh: bytes = field(repr=False)
    cursor: bytes = field(repr=False)
    answer: bytes = field(repr=False)
    counters: bytes = field(repr=False)
    """Of the names under which Redis holds counters."""
    audit: bytes = field(repr=False)
    ticket: bytes = field(repr=False)
    vault: bytes = field(repr=False)
    """Of the keys that sign tokens, as they are stored."""
    link: bytes = field(repr=False)
    """Of the tokens and codes in mails."""
    address: bytes = field(repr=False)
    """Of addresses in jobs."""
    export: bytes = field(repr=False)
    passkeys: bytes = field(repr=False)
    """Signs the challenges of passkeys."""
    factors: bytes = field(repr=False)
    """Encrypts the secrets of authenticator apps."""


def clock() -> datetime:
    """Return the machine's time, in UTC."""
    return datetime.now(UTC)


def server_urls(settings: Settings) -> ServerUrls:
    """Return the URLs in the settings, else those of a `jubilee up` running on DATA_DIR.

    Raises NoServer.
    """
    return ServerUrls(database_url(settings), redis_url(settings))


def database_url(settings: Settings) -> str:
    """Return the URL of PostgreSQL; raises NoServer."""
    if (named := settings.postgres) is not None:
        return named
    running = read_run_file(settings.data_dir)
    if running is None or running.database_url is None:
        raise NoServer(f"no database: set DATABASE_URL, or {_advice(settings)}")
    return running.database_url


def migration_url(settings: Settings) -> str:
    """Return the URL of PostgreSQL for migrations; raises NoServer."""
    given = settings.database_migration_url
    return database_url(settings) if given is None else given.get_secret_value()


def redis_url(settings: Settings) -> str:
    """Return the URL of Redis; raises NoServer."""
    if (named := settings.redis) is not None:
        return named
    running = read_run_file(settings.data_dir)
    if running is None or running.redis_url is None:
        raise NoServer(f"no Redis: set REDIS_URL, or {_advice(settings)}")
    return running.redis_url


def _advice(settings: Settings) -> str:
    run_file = (settings.data_dir / RUN_FILE).absolute()
    return f"start one by `make run` (none is listed in {run_file}; DATA_DIR names the folder)"


def signing_keys(settings: Settings) -> tuple[SigningKeys, ...]:
    """Derive the keys from SECRET_KEY, then those from each of SECRET_KEY_PREVIOUS.

    Without a SECRET_KEY, the first are from a secret generated for development.
    """
    given = settings.secret_key
    current = given.get_secret_value() if given else development_secret(settings.data_dir)
    previous = (key.get_secret_value() for key in settings.previous_secret_keys)
    return tuple(map(_derived_keys, (current, *previous)))


def _derived_keys(secret: str) -> SigningKeys:
    return SigningKeys(
        access=hmac.digest(secret.encode(), b"access", "sha256"),
        refresh=hmac.digest(secret.encode(), b"refresh", "sha256"),
        cursor=hmac.digest(secret.encode(), b"cursor", "sha256"),
        answer=hmac.digest(secret.encode(), b"answer", "sha256"),
        counters=hmac.digest(secret.encode(), b"counters", "sha256"),
        audit=hmac.digest(secret.encode(), b"audit", "sha256"),
        ticket=hmac.digest(secret.encode(), b"ticket", "sha256"),
        vault=hmac.digest(secret.encode(), b"vault", "sha256"),
        link=hmac.digest(secret.encode(), b"link", "sha256"),
        address=hmac.digest(secret.encode(), b"address", "sha256"),
        export=hmac.digest(secret.encode(), b"export", "sha256"),
        passkeys=hmac.digest(secret.encode(), b"passkeys", "sha256"),
        factors=hmac.digest(secret.encode(), b"factors", "sha256"),
    )
