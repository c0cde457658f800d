"""Why PostgreSQL cannot be used, in words for operators: never a password, never a row's values."""

import socket
import ssl

import asyncpg


class NoHostFits(OSError):
    """No host answers and fits target_session_attrs; the message has the reason of each."""


REASONS: tuple[tuple[type[BaseException], str], ...] = (  # the first that fits counts
    (NoHostFits, "no host can be used"),
    (socket.gaierror, "unknown host"),
    (ssl.SSLError, "TLS failed"),
    (ConnectionRefusedError, "connection refused"),
    (FileNotFoundError, "no such socket"),
    (TimeoutError, "no answer in time"),
    (OSError, "connection failed"),
    (asyncpg.InvalidPasswordError, "wrong password"),
    (asyncpg.InvalidAuthorizationSpecificationError, "user not admitted"),
    (asyncpg.InvalidCatalogNameError, "unknown database"),
    (asyncpg.InsufficientPrivilegeError, "permission denied"),
    (asyncpg.TooManyConnectionsError, "too many connections"),
    (asyncpg.CannotConnectNowError, "not accepting connections"),
    (asyncpg.TargetServerAttributeNotMatched, "no host matches target_session_attrs"),
    (asyncpg.ReadOnlySQLTransactionError, "server is read-only"),
    (asyncpg.PostgresConnectionError, "connection failed"),
    (asyncpg.ClientConfigurationError, "bad certificate or key"),
)
TLS_REFUSED = "rejected SSL upgrade"  # asyncpg's words for a server without TLS
QUOTED = (
    OSError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,  # such as the refusals of a pooler
)
"""Errors whose message comes from the system or names a role, a database or a host."""


def outage_reason(error: BaseException) -> str:
    """Name the first cause in a few words, and quote its message where that is safe."""
    error = _first_cause(error)
    return connection_failure(error) or type(error).__name__


def connection_failure(error: BaseException) -> str | None:
    """Say why no connection was opened, or return None for any other error."""
    error = _first_cause(error)
    said = str(error).partition("\n")[0] if isinstance(error, QUOTED) else ""
    words = next((words for kind, words in REASONS if isinstance(error, kind)), None)
    if TLS_REFUSED in said:
        words = "TLS failed"
    return f"{words}: {said}" if words and said else words


def _first_cause(error: BaseException) -> BaseException:
    """SQLAlchemy wraps the driver's error; a timeout's cause is only its own cancellation."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error
