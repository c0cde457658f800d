"""The URLs of servers as settings bear them: checked at the start, shown without passwords."""

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

UNREADABLE = "its host or port cannot be read (in a password, write @ as %40 and so on)"
LOGIN_PASSWORD = re.compile(r"(://[^:/?#@]*:).*@", re.DOTALL)
QUERY_PASSWORD = re.compile(r"([?&](?:ssl)?password=)[^&]*")
DATABASE_CHOICES: Mapping[str, tuple[str, ...]] = {
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": (
        "any", "primary", "standby", "prefer-standby", "read-write", "read-only",
    ),
}  # fmt: skip
DATABASE_IGNORED = frozenset({
    "connect_timeout", "gssencmode", "keepalives", "keepalives_count", "keepalives_idle",
    "keepalives_interval", "tcp_user_timeout",
})  # fmt: skip
DATABASE_PARAMETERS = DATABASE_IGNORED.union(DATABASE_CHOICES, {
    "application_name", "dbname", "host", "options", "passfile", "password", "port", "sslcert",
    "sslkey", "sslpassword", "sslrootcert", "user",
})  # fmt: skip
SYSTEM = "system"  # as sslrootcert: the certificates that the machine trusts
PORT = re.compile(r"[0-9]{1,5}")
MAX_PORT = 65_535
SMTP_PARAMETERS = frozenset({"starttls"})
STARTTLS = {"always", "auto", "never"}
REDIS_PARAMETERS = frozenset({"db", "password", "username"})


def checked_database_url(url: SecretStr) -> SecretStr:
    """PostgreSQL's, by one scheme whatever it was written with; raises ValueError."""
    scheme, separator, rest = url.get_secret_value().partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        raise ValueError("it begins with postgresql://")
    plain = f"postgresql://{rest}"
    if "," in rest.partition("?")[0].partition("/")[0].rpartition("@")[2]:
        raise ValueError("several hosts are written ?host=a,b&port=5432,5433")
    _check_url(plain, DATABASE_PARAMETERS)
    query = {name: values[-1] for name, values in parse_qs(urlsplit(plain).query).items()}
    _check_ports(query)
    _check_security(query)
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


def server_attributes(url: str) -> Mapping[str, str | int]:
    """Where a server is, as OpenTelemetry's attributes; a socket's folder counts as a host."""
    parts = urlsplit(url)
    socket = parse_qs(parts.query).get("host", [parts.path])[0]
    found: dict[str, str | int] = {"server.address": parts.hostname or socket}
    if parts.port is not None:
        found["server.port"] = parts.port
    if parts.scheme == "postgresql" and len(parts.path) > 1:
        found["db.namespace"] = parts.path[1:]
    return found


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


def _check_ports(query: Mapping[str, str]) -> None:
    hosts, ports = query.get("host", "").split(","), query.get("port", "1").split(",")
    if not all(PORT.fullmatch(port) and 0 < int(port) <= MAX_PORT for port in ports):
        raise ValueError("its port is a number from 1 to 65535")
    if len(ports) not in {1, len(hosts)}:
        raise ValueError("it has one port, or one for each host")


def _check_security(query: Mapping[str, str]) -> None:
    for name, choices in DATABASE_CHOICES.items():
        if query.get(name, choices[0]) not in choices:
            raise ValueError(f"its {name} is {', '.join(choices[:-1])} or {choices[-1]}")
    mode = query.get("sslmode")
    if query.get("sslrootcert") == SYSTEM and mode not in {None, "verify-full"}:
        raise ValueError("with sslrootcert=system, its sslmode is verify-full")
    if query.get("channel_binding") == "require" and mode == "disable":
        raise ValueError("channel_binding=require needs TLS, which sslmode=disable forbids")
    if ("sslcert" in query) != ("sslkey" in query):
        raise ValueError("its sslcert and sslkey come together")
    try:
        _load_certificates(query)
    except (OSError, RuntimeError) as error:
        hint = "sslrootcert=system stands for what the machine trusts"
        raise ValueError(f"its certificates cannot be read: {error.args[-1]}; {hint}") from None


def _load_certificates(query: Mapping[str, str]) -> None:
    """The driver does so for every connection, where a failure would look like an outage."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    roots = query.get("sslrootcert", SYSTEM)
    if "sslrootcert" not in query and query.get("sslmode", "").startswith("verify-"):
        usual = Path.home() / ".postgresql" / "root.crt"
        roots = os.environ.get("PGSSLROOTCERT") or str(usual)
    if roots != SYSTEM:
        context.load_verify_locations(roots)
    if "sslcert" in query:
        password = query.get("sslpassword", "")
        context.load_cert_chain(query["sslcert"], query["sslkey"], password)
