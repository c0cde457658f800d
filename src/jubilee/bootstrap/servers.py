"""Where the two servers are, and the keys that everything is signed with."""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime

from jubilee.adapters.embedded.run_file import RUN_FILE, read_run_file
from jubilee.adapters.secret_file import kept_secret
from jubilee.bootstrap.errors import BadConfiguration
from jubilee.settings import Settings


class NoServer(BadConfiguration):
    """Neither the settings nor a running `jubilee up` say where a server is."""


@dataclass(frozen=True, slots=True)
class ServerUrls:
    """Where the two servers are; both may hold a password."""

    postgres: str = field(repr=False)
    redis: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """One key for each purpose, all from one secret."""

    access: bytes = field(repr=False)
    refresh: bytes = field(repr=False)
    cursor: bytes = field(repr=False)


def clock() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def server_urls(settings: Settings) -> ServerUrls:
    """From the settings, else from the `jubilee up` that runs on the same data."""
    return ServerUrls(database_url(settings), redis_url(settings))


def database_url(settings: Settings) -> str:
    """PostgreSQL's alone; raises NoServer."""
    if (named := settings.postgres) is not None:
        return named
    running = read_run_file(settings.data_dir)
    if running is None or running.database_url is None:
        raise NoServer(f"no database: set DATABASE_URL, or {_advice(settings)}")
    return running.database_url


def redis_url(settings: Settings) -> str:
    """That of Redis alone; raises NoServer."""
    if (named := settings.redis) is not None:
        return named
    running = read_run_file(settings.data_dir)
    if running is None or running.redis_url is None:
        raise NoServer(f"no Redis: set REDIS_URL, or {_advice(settings)}")
    return running.redis_url


def _advice(settings: Settings) -> str:
    looked_for = (settings.data_dir / RUN_FILE).absolute()
    return f"start one by `make run` (none runs by {looked_for}; DATA_DIR names the folder)"


def signing_keys(settings: Settings) -> SigningKeys:
    """In development a secret is made where none is set."""
    given = settings.secret_key
    secret = (given.get_secret_value() if given else kept_secret(settings.data_dir)).encode()
    made = (
        hmac.digest(secret, purpose, "sha256") for purpose in (b"access", b"refresh", b"cursor")
    )
    return SigningKeys(*made)
