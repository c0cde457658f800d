"""Where the two servers are, and the keys that everything is signed with."""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime

from jubilee.adapters.embedded.run_file import read_run_file
from jubilee.adapters.secret_file import kept_secret
from jubilee.settings import Settings


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
