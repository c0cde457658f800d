"""The causes that are logged of errors, without the text of a server."""

import errno
import os
import socket

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from jubilee.adapters.redis.failures import redis_failure


def caused(error: Exception, cause: BaseException) -> Exception:
    """Return an error with a cause, as redis-py raises it for those of a socket."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RedisConnectionError("Connection closed by server: hunter2"), "connection lost"),
        (InvalidResponse("Protocol Error: hunter2"), "connection lost"),
        (RedisError("hunter2"), "connection lost"),
        (ResponseError("hunter2"), "it refuses the command"),
        (RedisTimeoutError("hunter2"), "no answer in time"),
        (ValueError("hunter2"), "ValueError"),
        (OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)), "No route to host"),
        (OSError("hunter2"), "OSError"),
    ],
)
def test_an_error_is_named_without_its_own_text(error: Exception, text: str) -> None:
    assert redis_failure(error) == text


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (ConnectionResetError(), "connection lost"),
        (BrokenPipeError(), "connection lost"),
        (ConnectionRefusedError(), "connection refused"),
        (OSError("Multiple exceptions: [Errno 111] a, [Errno 111] b"), "connection refused"),
        (socket.gaierror(), "unknown host name"),
        (PermissionError(), "no permission for its socket"),
        (TimeoutError(), "no answer in time"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "Network is unreachable"),
    ],
)
def test_the_cause_of_an_error_is_named(cause: BaseException, text: str) -> None:
    assert redis_failure(caused(RedisConnectionError("hunter2"), cause)) == text


def test_errors_that_cause_one_another_end() -> None:
    first, second = RedisError("a"), RedisError("b")
    first.__cause__, second.__cause__ = second, first
    assert redis_failure(first) == "connection lost"
