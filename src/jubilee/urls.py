"""The URLs of servers as settings bear them: checked at the start, shown without passwords."""

import re
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

UNREADABLE = "its host or port cannot be read (in a password, write @ as %40 and so on)"
LOGIN_PASSWORD = re.compile(r"(://[^:/?#@]*:).*@", re.DOTALL)
QUERY_PASSWORD = re.compile(r"([?&](?:ssl)?password=)[^&]*")
DATABASE_PARAMETERS = frozenset({"host", "port", "sslmode"})
SMTP_PARAMETERS = frozenset({"starttls"})
STARTTLS = {"always", "auto", "never"}
REDIS_PARAMETERS = frozenset({"db", "password", "username"})


def checked_database_url(url: SecretStr) -> SecretStr:
    """PostgreSQL's, by one scheme whatever it was written with; raises ValueError."""
    scheme, separator, rest = url.get_secret_value().partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        raise ValueError("it begins with postgresql://")
    plain = f"postgresql://{rest}"
    _check_url(plain, DATABASE_PARAMETERS)
    return SecretStr(plain)


def checked_redis_url(url: SecretStr) -> SecretStr:
    """Redis'; raises ValueError."""
    plain = url.get_secret_value()
    if plain.partition("://")[0] not in {"redis", "rediss", "unix"}:
        raise ValueError("it begins with redis://, rediss:// or unix://")
    _check_url(plain, REDIS_PARAMETERS)
    return url


def checked_smtp_url(url: SecretStr) -> SecretStr:
    """The mail server's; raises ValueError."""
    plain = url.get_secret_value()
    if plain.partition("://")[0] not in {"smtp", "smtps"}:
        raise ValueError("it begins with smtp:// or smtps://")
    _check_url(plain, SMTP_PARAMETERS)
    if not urlsplit(plain).hostname or urlsplit(plain).path not in {"", "/"}:
        raise ValueError("it is written smtp://user:password@host:587 or smtps://…")
    if not set(parse_qs(urlsplit(plain).query).get("starttls", ())) <= STARTTLS:
        raise ValueError("starttls is always, auto or never")
    return url


def without_password(url: str) -> str:
    """A password stands between the user and the host, or among the parameters.

    Not by a parser of URLs: it would not know where a password ends that should have been quoted.
    """
    return QUERY_PASSWORD.sub(r"\1***", LOGIN_PASSWORD.sub(r"\1***@", url))


def _check_url(url: str, parameters: frozenset[str]) -> None:
    """The drivers would only fail when they connect; no message holds a part of the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(UNREADABLE) from None
    if port == 0:
        raise ValueError(UNREADABLE)
    if parts.fragment or "@" in parts.path + parts.query:
        raise ValueError("in its password, write # as %23, / as %2F, ? as %3F, @ as %40")
    if set(parse_qs(parts.query, keep_blank_values=True)) - parameters:
        raise ValueError(f"the parameters it may have are {', '.join(sorted(parameters))}")
