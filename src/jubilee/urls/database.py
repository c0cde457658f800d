"""URLs of PostgreSQL: libpq's URIs, for asyncpg."""

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from jubilee.urls.parts import split_checked

DATABASE_CHOICES: Mapping[str, tuple[str, ...]] = {
    "channel_binding": ("disable", "prefer"),
    "gssencmode": ("disable", "prefer"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": (
        "any", "primary", "standby", "prefer-standby", "read-write", "read-only",
    ),
}  # fmt: skip
DATABASE_IGNORED = frozenset({
    "channel_binding", "gssencmode", "keepalives", "keepalives_count", "keepalives_idle",
    "keepalives_interval", "tcp_user_timeout",
})  # fmt: skip
DATABASE_PARAMETERS = DATABASE_IGNORED.union(DATABASE_CHOICES, {
    "application_name", "connect_timeout", "dbname", "host", "options", "passfile", "password",
    "port", "sslcert", "sslkey", "sslpassword", "sslrootcert", "user",
})  # fmt: skip
SYSTEM = "system"  # value of sslrootcert: the certificates that the machine trusts
NO_BINDING = (
    "channel_binding=require is not supported by the driver (asyncpg); "
    "sslmode=verify-full excludes a man in the middle as well"
)
ONE_REPLICA = (
    "it must name one host, for lag and position are one server's; "
    "of several replicas, give each instance one"
)
DEFAULT_PORT = 5432
SEVERAL_HOSTS = re.compile(
    r"(?P<head>postgresql://(?:[^/?#]*@)?)(?P<hosts>[^/?#@]*,[^/?#@]*)"
    r"(?P<path>(?:/[^?#]*)?)(?:\?(?P<query>.*))?"
)
HOST_AND_PORT = re.compile(r"(?P<host>\[[^]]*\]|[^:]*)(?::(?P<port>.*))?")
PORT = re.compile(r"[0-9]{1,5}")
MAX_PORT = 65_535


def checked_database_url(url: SecretStr) -> SecretStr:
    """Return the URL with the scheme postgresql:// if asyncpg can use it; raises ValueError."""
    scheme, separator, rest = url.get_secret_value().partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        raise ValueError("it must begin with postgresql://")
    plain = _with_hosts_as_parameters(f"postgresql://{rest}")
    parts = split_checked(plain, DATABASE_PARAMETERS)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    _check_ports(query)
    if not query.get("connect_timeout", "0").isdecimal():
        raise ValueError("its connect_timeout must be a whole number of seconds")
    _check_security(query)
    return SecretStr(plain)


def checked_replica_url(url: SecretStr) -> SecretStr:
    """Return a URL that names one host: its lag is that of one server. Raises ValueError."""
    checked = checked_database_url(url)
    hosts = parse_qs(urlsplit(checked.get_secret_value()).query).get("host", [""])
    if "," in hosts[-1]:
        raise ValueError(ONE_REPLICA)
    return checked


def _with_hosts_as_parameters(url: str) -> str:
    """Write several hosts, which a URL's parser refuses, as `?host=a,b&port=5432,5433`."""
    found = SEVERAL_HOSTS.fullmatch(url)
    if found is None:
        return url
    pairs = [HOST_AND_PORT.fullmatch(each) for each in found["hosts"].split(",")]
    hosts = [pair["host"].strip("[]") if pair else "" for pair in pairs]
    ports = [pair["port"] or str(DEFAULT_PORT) if pair else "" for pair in pairs]
    given = f"host={','.join(hosts)}&port={','.join(ports)}"
    more = f"&{found['query']}" if found["query"] else ""
    return f"{found['head']}{found['path']}?{given}{more}"


def _check_ports(query: Mapping[str, str]) -> None:
    hosts, ports = query.get("host", "").split(","), query.get("port", "1").split(",")
    if not all(PORT.fullmatch(port) and 0 < int(port) <= MAX_PORT for port in ports):
        raise ValueError("its port must be a number from 1 to 65535")
    if len(ports) not in {1, len(hosts)}:
        raise ValueError("it needs one port, or one for each host")
    if "host" in query and not all(hosts):
        raise ValueError("one of its hosts is empty or cannot be read")


def _check_security(query: Mapping[str, str]) -> None:
    if query.get("channel_binding") == "require":
        raise ValueError(NO_BINDING)
    for name, choices in DATABASE_CHOICES.items():
        if query.get(name, choices[0]) not in choices:
            raise ValueError(f"its {name} must be {', '.join(choices[:-1])} or {choices[-1]}")
    mode = query.get("sslmode")
    if query.get("sslrootcert") == SYSTEM and mode not in {None, "verify-full"}:
        raise ValueError("with sslrootcert=system, its sslmode must be verify-full")
    if ("sslcert" in query) != ("sslkey" in query):
        raise ValueError("sslcert and sslkey must be given together")
    try:
        _load_certificates(query)
    except (OSError, RuntimeError) as error:
        hint = "sslrootcert=system means the certificates that the machine trusts"
        raise ValueError(f"its certificates cannot be read: {error.args[-1]}; {hint}") from None


def _load_certificates(query: Mapping[str, str]) -> None:
    """Fail here: the driver loads them for each connection, where errors look like outages."""
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
