"""URLs of Redis: a server's as redis-py reads them, and a master's that Sentinel elects."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, parse_qsl, unquote, urlencode

from pydantic import SecretStr

from jubilee.urls.parts import split_checked

LOGIN_PARAMETERS = frozenset({"db", "password", "username"})
TLS_CHOICES: Mapping[str, tuple[str, ...]] = {
    "ssl_cert_reqs": ("required", "none"),
    "ssl_check_hostname": ("true", "false"),
}
TLS_PARAMETERS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", *TLS_CHOICES})
SENTINEL_PARAMETERS = frozenset({"sentinel_password", "sentinel_username"})
SENTINEL_PORT, MAX_PORT = 26_379, 65_535
SENTINEL_URL = re.compile(
    r"(?P<scheme>rediss?)\+sentinel://(?P<login>[^/?#]*@)?(?P<hosts>[^/?#@]+)"
    r"/(?P<master>[^/?#]+)(?:/(?P<db>[0-9]*))?(?P<query>\?.*)?",
    re.DOTALL,
)
HOST = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s\[\]:,]+)(?::(?P<port>[0-9]{1,5}))?")
NO_CLUSTER = "Redis Cluster is not supported: use one server, or Sentinel with its replicas"


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """A master by its name, and the Sentinels that know where it is.

    `server` is a URL with the master's login, database and TLS parameters; its host is a
    Sentinel's. The username and password are those of the Sentinels themselves.
    """

    sentinels: tuple[tuple[str, int], ...]
    master: str
    server: str = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> "SentinelAddress":
        """Parse `redis+sentinel://user:password@host1,host2:26379/master/0`; raises ValueError."""
        found = SENTINEL_URL.fullmatch(url)
        hosts = [HOST.fullmatch(host) for host in found["hosts"].split(",")] if found else [None]
        if found is None or None in hosts:
            raise ValueError("its form is redis+sentinel://user:password@host1,host2/master/0")
        sentinels = tuple(
            (host["host"].strip("[]"), int(host["port"] or SENTINEL_PORT)) for host in hosts if host
        )
        if not all(0 < port <= MAX_PORT for _, port in sentinels):
            raise ValueError(f"its ports must be numbers from 1 to {MAX_PORT}")
        query = parse_qsl((found["query"] or "?")[1:])
        own = {name: value for name, value in query if name in SENTINEL_PARAMETERS}
        others = urlencode([(name, value) for name, value in query if name not in own])
        first = found["hosts"].split(",")[0]
        return cls(
            sentinels=sentinels,
            master=unquote(found["master"]),
            server=f"{found['scheme']}://{found['login'] or ''}{first}/{found['db'] or 0}"
            + (f"?{others}" if others else ""),
            username=own.get("sentinel_username"),
            password=own.get("sentinel_password"),
        )


def is_sentinel_url(url: str) -> bool:
    """Whether the URL names Sentinels instead of a server."""
    return url.partition("://")[0] in {"redis+sentinel", "rediss+sentinel"}


def checked_redis_url(url: SecretStr) -> SecretStr:
    """Return the URL unchanged if the service can use it; raises ValueError."""
    plain = url.get_secret_value()
    server = SentinelAddress.parse(plain).server if is_sentinel_url(plain) else plain
    scheme = server.partition("://")[0]
    if "cluster" in scheme:
        raise ValueError(NO_CLUSTER)
    if scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("it must begin with redis://, rediss://, unix:// or redis+sentinel://")
    if "," in server.partition("?")[0].rpartition("@")[2] and scheme != "unix":
        raise ValueError("several hosts need redis+sentinel://host1,host2/master/0")
    parts = split_checked(server, LOGIN_PARAMETERS | TLS_PARAMETERS)
    _check_database(parts)
    _check_tls(parts)
    return url


def _check_database(parts: SplitResult) -> None:
    path = "" if parts.scheme == "unix" else parts.path.strip("/")
    for database in (path, *parse_qs(parts.query).get("db", ())):
        if database and not re.fullmatch(r"[0-9]{1,5}", database):
            raise ValueError("its database must be a number")


def _check_tls(parts: SplitResult) -> None:
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if parts.scheme != "rediss" and TLS_PARAMETERS.intersection(query):
        raise ValueError("its TLS parameters need rediss:// or rediss+sentinel://")
    for name, choices in TLS_CHOICES.items():
        if query.get(name, choices[0]).lower() not in choices:
            raise ValueError(f"its {name} must be {' or '.join(choices)}")
    if ("ssl_certfile" in query) != ("ssl_keyfile" in query):
        raise ValueError("ssl_certfile and ssl_keyfile must be given together")
    try:
        _load_certificates(query)
    except OSError as error:
        raise ValueError(f"its certificates cannot be read: {error.args[-1]}") from None


def _load_certificates(query: Mapping[str, str]) -> None:
    # Not in a default context, which reads those of the system, in 30 ms of every command's start.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if "ssl_ca_certs" in query:
        context.load_verify_locations(query["ssl_ca_certs"])
    if "ssl_certfile" in query:
        context.load_cert_chain(query["ssl_certfile"], query["ssl_keyfile"], "")
