"""Job kinds: their payloads, who may request them, and how they run."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b
from math import inf
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

from jubilee.domain.errors import Invalid
from jubilee.domain.identity import UserId

P = TypeVar("P")
Tx = TypeVar("Tx")
Tx_co = TypeVar("Tx_co", covariant=True)
Tx_contra = TypeVar("Tx_contra", contravariant=True)


class UnknownKind(Invalid):
    """The kind of task is unknown."""

    code = "unknown_kind"


class InvalidPayload(Invalid):
    """The data are not valid for this kind of task."""

    code = "invalid_payload"


class JobError(Exception):
    """An attempt failed; `code` and the message are shown to the owner of the task."""

    code: ClassVar[str] = "failed"

    def __init__(self, message: str = "", *, retry_in: float | None = None) -> None:
        """`retry_in` is the least delay of the next attempt, in seconds, capped at an hour.

        None leaves the delay to the backoff.
        """
        super().__init__(message)
        self.retry_in = retry_in


class PermanentFailure(JobError):
    """The job cannot succeed: it ends dead without further attempts."""

    code = "given_up"


class JobQueueName(Enum):
    """Queues with separate worker slots, so that user tasks never delay the service's mail."""

    SYSTEM = "system"
    USER = "user"


class Audience(Enum):
    """Who may request a kind by `POST /tasks`."""

    USERS = "users"
    ADMINS = "admins"
    INTERNAL = "internal"  # only the service itself, and producers in the database


@dataclass(frozen=True, slots=True)
class JobContext(Generic[P]):
    """A claimed job as its kind sees it; `epoch` is the fencing token, `attempt` starts at 1."""

    id: UUID
    epoch: int
    attempt: int
    owner_id: UserId | None
    by_admin: bool
    payload: P
    report: Callable[[Mapping[str, object]], Awaitable[None]]
    """Saves progress, which is shown with the task."""


class Completion(Protocol[Tx_co]):
    """Opens the transaction that ends the job.

    The first statement writes the end, fenced by the epoch: what the kind writes in this
    transaction happens exactly once, or not at all. Raises LeaseLost if another worker has claimed
    the job since.
    """

    def __call__(
        self, result: Mapping[str, object] | None = None
    ) -> AbstractAsyncContextManager[Tx_co]:
        """`result` is shown with the task."""


class JobKind(Protocol[P, Tx_contra]):
    """A kind of job. It runs at least once: effects outside `complete` may be repeated."""

    @property
    def name(self) -> str:
        """The unique name that producers use, such as `email.send`."""

    @property
    def audience(self) -> Audience:
        """Who may request it."""

    @property
    def timeout(self) -> float:
        """Seconds after which an attempt is stopped."""

    def read(self, data: Mapping[str, object]) -> P:
        """Parse the payload; raise InvalidPayload with a pointer to the invalid member."""

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        """Return the data without secrets."""

    @property
    def private(self) -> Collection[str]:
        """Members of data and result that are masked for all accounts but the owner."""
        return ()

    async def close(self, data: Mapping[str, object], tx: Tx_contra) -> None:
        """End the rows that this kind keeps for a job that is cancelled or removed unfinished.

        Called in the same transaction. Must not raise, not even for invalid data.
        """
        del data, tx  # most kinds keep nothing

    async def run(self, job: JobContext[P], complete: Completion[Tx_contra]) -> None:
        """Run the job; an exception means retry later, PermanentFailure means never."""


@dataclass(frozen=True, slots=True)
class KindSet:
    """The names of the kinds that a worker can run; workers with the same set share queues."""

    names: frozenset[str]

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that depend on the names alone."""
        return blake2b("\n".join(sorted(self.names)).encode(), digest_size=8).hexdigest()


class JobKinds:
    """The kinds that this process can run."""

    def __init__(self, kinds: Iterable[JobKind[Any, Any]], *, max_timeout: float = inf) -> None:
        """`kinds` have unique names; `max_timeout` limits the timeout of each, in seconds."""
        self._by_name = {kind.name: kind for kind in kinds}
        self._max_timeout = max_timeout

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all kinds."""
        return tuple(self._by_name)

    @property
    def known(self) -> KindSet:
        """The names as a set."""
        return KindSet(frozenset(self._by_name))

    def timeout(self, kind: JobKind[Any, Any]) -> float:
        """Return the timeout of an attempt in this process, in seconds."""
        return min(kind.timeout, self._max_timeout)

    def find(self, name: str) -> JobKind[Any, Any] | None:
        """Return the kind, or None if this process does not know it."""
        return self._by_name.get(name)
