"""Why Redis cannot be used, in words for the log."""

import socket
import ssl

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,  # noqa: A004  # redis-py's own, which is no OSError
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

REPLICA = "this server is a replica, which cannot be written to"
LOST = "connection lost"
TEXTS: tuple[tuple[type[BaseException], str], ...] = (
    (NoPermissionError, "its user lacks a permission"),
    (AuthenticationError, "wrong user or password"),
    (BusyLoadingError, "it is still loading its data"),
    (OutOfMemoryError, "its memory is full"),
    (ReadOnlyError, REPLICA),
    (socket.gaierror, "unknown host name"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, LOST),
    (BrokenPipeError, LOST),
    (FileNotFoundError, "no such socket"),
    (PermissionError, "no permission for its socket"),
    (TimeoutError, "no answer in time"),
    (RedisTimeoutError, "no answer in time"),
)

SEVERAL_ADDRESSES = "Multiple exceptions: [Errno 111]"  # asyncio, of a name such as localhost


class UnusableServer(ConnectionError):
    """The server answers, but cannot hold the queues; the message says why."""


class NoMaster(ConnectionError):
    """No Sentinel names a master that is up; the message says why."""


def redis_failure(error: BaseException) -> str:
    """Name the cause of an error of redis-py, without a text of the server.

    A server that does not know AUTH quotes the password that was sent with it.
    """
    chain = _chain(error)
    named = (text for link in chain if (text := _text(link)))
    return next(named, "") or _fallback(chain[-1])


def _text(error: BaseException) -> str:
    if isinstance(error, UnusableServer | NoMaster):
        return str(error)
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'verify_message', '') or error.reason or 'failed'}"
    if isinstance(error, OSError) and SEVERAL_ADDRESSES in str(error):
        return "connection refused"
    return next((text for kind, text in TEXTS if isinstance(error, kind)), "")


def _fallback(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, ResponseError):
        return "it refuses the command"
    return LOST if isinstance(error, RedisError) else type(error).__name__


def _chain(error: BaseException) -> list[BaseException]:
    """List the error and its causes; redis-py raises many without naming theirs."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain
