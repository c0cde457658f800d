"""Connection pools of redis-py for our URLs; every pool of the service is made here."""

from typing import Any

from redis.asyncio import BlockingConnectionPool, ConnectionPool
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
    parse_url,
)
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,  # noqa: A004  # redis-py's own, which is no OSError
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004  # likewise
)

from jubilee.adapters.redis.failures import REPLICA, UnusableServer
from jubilee.adapters.redis.master_finder import MasterFinder
from jubilee.urls.redis import NO_CLUSTER, SentinelAddress, is_sentinel_url

SOCKET_TIMEOUT_S = 2.0  # so that a frozen Redis does not hold a worker up
CONNECT_TIMEOUT_S = 1.0
HEALTH_CHECK_INTERVAL_S = 10
MAX_RETRIES = 1  # of one command; the queue workers retry without end
BACKOFF_BASE_S, BACKOFF_CAP_S = 0.05, 1.0


def request_pool(url: str, *, size: int, timeout: float) -> BlockingConnectionPool:
    """Make a pool whose commands are not retried; no connection is opened yet.

    Connecting waits at most `timeout` seconds; the caller limits the time of a whole command. A
    `socket_timeout` would add `asyncio.wait_for` around each write, which in Python 3.11 ignores a
    cancellation that arrives as the write ends: the cancelled task would go on.
    """
    return BlockingConnectionPool(
        max_connections=size,
        timeout=timeout,  # type: ignore[arg-type]  # asyncio takes fractions of a second as well
        retry=Retry(NoBackoff(), 0),
        **_connection_options(url, connect_timeout=timeout, timeout=None),
    )


def worker_pool(url: str) -> ConnectionPool:
    """Make a pool whose commands are retried once; no connection is opened yet.

    The built-in OSError is listed among the retried errors because redis-py does not translate a
    refused connection.
    """
    options = _connection_options(url, connect_timeout=CONNECT_TIMEOUT_S, timeout=SOCKET_TIMEOUT_S)
    if options["connection_class"] is not UnixDomainSocketConnection:
        options["socket_keepalive"] = True
    return ConnectionPool(
        health_check_interval=HEALTH_CHECK_INTERVAL_S,
        retry=Retry(ExponentialBackoff(cap=BACKOFF_CAP_S, base=BACKOFF_BASE_S), MAX_RETRIES),
        retry_on_error=[ConnectionError, TimeoutError, BusyLoadingError, OSError],
        **options,
    )


class MasterConnection(Connection):
    """A connection to the master, whose address the Sentinels give at each connect."""

    def __init__(self, *, find_master: MasterFinder, **options: Any) -> None:  # noqa: ANN401  # redis-py's
        """`options` are those of redis-py's connections."""
        super().__init__(**options)
        self._find_master = find_master

    async def _connect(self) -> None:
        self.host, self.port = await self._find_master()
        await super()._connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped

    async def read_response(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  # redis-py's
        """Disconnect from a server that is the master no longer; raises ConnectionError then."""
        try:
            return await super().read_response(*args, **options)
        except ReadOnlyError as error:
            await self.disconnect()
            raise ConnectionError(REPLICA) from error


class MasterSSLConnection(MasterConnection, SSLConnection):
    """The same over TLS."""


async def check_server(connection: AbstractConnection) -> None:
    """Log in on a new connection; raises UnusableServer for what cannot hold the queues.

    Redis before 6.0, and users that may not say HELLO, are taken as they are.
    """
    try:
        await connection.on_connect()
    except AuthenticationError:
        raise
    except ResponseError:  # a cluster and a Sentinel refuse SELECT
        await _check_role(connection)
        raise
    await _check_role(connection)


async def _check_role(connection: AbstractConnection) -> None:
    await connection.send_command("HELLO", check_health=False)
    try:
        reply = await connection.read_response()
    except ResponseError:
        return
    about = dict(zip(reply[::2], reply[1::2], strict=False))
    if about.get(b"mode") == b"cluster":
        raise UnusableServer(NO_CLUSTER)
    if about.get(b"mode") == b"sentinel":
        raise UnusableServer("this is a Sentinel: use redis+sentinel://host1,host2/master/0")
    if about.get(b"role") in {b"replica", b"slave"}:
        raise UnusableServer(REPLICA)


def _connection_options(
    url: str, *, connect_timeout: float, timeout: float | None
) -> dict[str, Any]:
    if is_sentinel_url(url):
        return _master_options(SentinelAddress.parse(url), connect_timeout, timeout)
    return _server_options(url, connect_timeout, timeout)


def _server_options(url: str, connect_timeout: float, timeout: float | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "connection_class": Connection,
        "socket_timeout": timeout,
        "socket_connect_timeout": connect_timeout,
        "redis_connect_func": check_server,
        **parse_url(url),
    }
    if options["connection_class"] is SSLConnection:
        options.setdefault("ssl_check_hostname", options.get("ssl_cert_reqs") != "none")
    return options


def _master_options(
    address: SentinelAddress, connect_timeout: float, timeout: float | None
) -> dict[str, Any]:
    options = _server_options(address.server, connect_timeout, timeout)
    over_tls = options["connection_class"] is SSLConnection
    shared = {name: value for name, value in options.items() if name.startswith(("socket", "ssl"))}
    login = {"username": address.username, "password": address.password}
    finder = MasterFinder(address.master, address.sentinels, {"ssl": over_tls, **login, **shared})
    return {
        **options,
        "connection_class": MasterSSLConnection if over_tls else MasterConnection,
        "find_master": finder,
    }
