"""Calls to PostgreSQL and Redis, as they are reported to metrics, traces and the log."""

from enum import StrEnum
from typing import Protocol


class StatementInfo(Protocol):
    """A SQL statement without its values."""

    @property
    def display(self) -> str:
        """The SQL on one line, with placeholders."""

    @property
    def operation(self) -> str:
        """The first word of the SQL, such as `SELECT`."""

    @property
    def summary(self) -> str:
        """The operation and the first table, such as `SELECT users`."""


class PoolUsage(Protocol):
    """How many connections a pool has."""

    @property
    def idle(self) -> int:
        """Open connections that are not lent."""

    @property
    def used(self) -> int:
        """Connections that are lent."""

    @property
    def size(self) -> int:
        """The upper limit of both together."""


# Ports


class StatementObserver(Protocol):
    """Called after each statement, successful or not; must be quick and must not raise."""

    def __call__(
        self, statement: StatementInfo, seconds: float, error: BaseException | None
    ) -> None:
        """A statement ended after `seconds`, with `error` if it failed."""


class PoolObserver(Protocol):
    """Counts and traces the use of a connection pool; must be quick and must not raise."""

    def acquired(self, waited: float) -> None:
        """A connection was lent after a wait of `waited` seconds."""

    def failed(self, reason: str) -> None:
        """The work failed because the database was unavailable, for this reason."""

    def executed(
        self, statement: StatementInfo, seconds: float, error: BaseException | None
    ) -> None:
        """A statement was run, successfully or not."""

    def shared(self, statement: StatementInfo, seconds: float, error: BaseException | None) -> None:
        """A caller has waited so long for a statement that was run for several."""


class ReplicaState(StrEnum):
    """Whether the replica serves reads, or why it does not."""

    SERVING = "serving"
    LAGGING = "lagging"
    UNAVAILABLE = "unavailable"
    PROMOTED = "promoted"
    """No standby any more."""
    DIVERGED = "diverged"
    """Ahead of the primary: it follows another one."""


class ReplicaObserver(Protocol):
    """Counts the reads of the replica; must be quick and must not raise."""

    def checked(self, state: ReplicaState, lag: float) -> None:
        """The replica was checked; `lag` is in seconds, infinite where it is not known."""

    def served(self) -> None:
        """The replica served a statement."""


class CommandObserver(Protocol):
    """Called after each Redis command; must be quick and must not raise."""

    def __call__(self, command: str, seconds: float, *, failure: BaseException | None) -> None:
        """The command ended after `seconds`, with `failure` if it failed."""


class NoPoolObserver(PoolObserver):
    """Ignores the pool."""

    def acquired(self, waited: float) -> None:
        pass

    def failed(self, reason: str) -> None:
        pass

    def executed(
        self, statement: StatementInfo, seconds: float, error: BaseException | None
    ) -> None:
        pass

    def shared(self, statement: StatementInfo, seconds: float, error: BaseException | None) -> None:
        pass


NO_POOL_OBSERVER = NoPoolObserver()
