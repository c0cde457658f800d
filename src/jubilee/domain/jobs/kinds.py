"""Kinds of work: what a job of that kind says, who may ask for it, and how it is done."""

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
    """There is no such kind of task."""

    code = "unknown_kind"


class InvalidPayload(Invalid):
    """The data are not what this kind of task needs."""

    code = "invalid_payload"


class JobError(Exception):
    """An attempt went wrong; `code` is shown with what it says."""

    code: ClassVar[str] = "failed"

    def __init__(self, message: str = "", *, retry_in: float | None = None) -> None:
        """The next attempt, if there is one, waits `retry_in` seconds or longer, but not for ever.

        None leaves it to the number of attempts.
        """
        super().__init__(message)
        self.retry_in = retry_in


class PermanentFailure(JobError):
    """The job cannot succeed, however often it is tried."""

    code = "given_up"


class JobQueueName(Enum):
    """Lanes have slots of their own, so that people's tasks never hold up the service's mail."""

    SYSTEM = "system"
    USER = "user"


class Audience(Enum):
    """Who may ask for a kind by `POST /tasks`."""

    EVERYBODY = "everybody"
    ADMINS = "admins"
    NOBODY = "nobody"  # the service itself, and producers in the database


@dataclass(frozen=True, slots=True)
class JobContext(Generic[P]):
    """A job that this worker runs; `epoch` is the fencing token, `attempt` counts from 1."""

    id: UUID
    epoch: int
    attempt: int
    owner_id: UserId | None
    by_admin: bool
    payload: P
    report: Callable[[Mapping[str, object]], Awaitable[None]]
    """Says how far it is, to whoever asks for the task."""


class Completion(Protocol[Tx_co]):
    """Opens the transaction that ends the job.

    Its first statement writes the end, fenced by the epoch: whatever the kind does with it happens
    exactly once, or not at all. Raises LeaseLost where the job is somebody else's by now.
    """

    def __call__(
        self, result: Mapping[str, object] | None = None
    ) -> AbstractAsyncContextManager[Tx_co]:
        """`result` is shown to whoever asks for the task."""


class JobKind(Protocol[P, Tx_contra]):
    """One kind of work. At least once: whatever it does outside `finish` may happen again."""

    @property
    def name(self) -> str:
        """As producers write it: `email.send`."""

    @property
    def audience(self) -> Audience:
        """Who may ask for it."""

    @property
    def timeout(self) -> float:
        """Seconds that one attempt may take."""

    def read(self, data: Mapping[str, object]) -> P:
        """The payload; raises InvalidPayload, whose pointer names the member at fault."""

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        """What may be shown of the data: all but secrets."""

    @property
    def private(self) -> Collection[str]:
        """Members of the data and the result that are masked for all but the account that asked."""
        return ()

    async def close(self, data: Mapping[str, object], tx: Tx_contra) -> None:
        """End what this kind keeps beside a job that is cancelled, or removed, undone.

        In the transaction that does so. It must not raise, whatever the data are.
        """
        del data, tx  # most kinds keep nothing

    async def run(self, job: JobContext[P], complete: Completion[Tx_contra]) -> None:
        """Do it; an exception means to try again later, GiveUp never to try again."""


@dataclass(frozen=True, slots=True)
class KindSet:
    """The names of all kinds that a worker can run; workers with the same set share queues."""

    names: frozenset[str]

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits, the same for the same names in every process."""
        return blake2b("\n".join(sorted(self.names)).encode(), digest_size=8).hexdigest()


class JobKinds:
    """The kinds that this process can run."""

    def __init__(self, kinds: Iterable[JobKind[Any, Any]], *, longest: float = inf) -> None:
        """Their names are unique; no attempt takes longer than `longest` seconds."""
        self._by_name = {kind.name: kind for kind in kinds}
        self._longest = longest

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._by_name)

    @property
    def known(self) -> KindSet:
        """The same as a set."""
        return KindSet(frozenset(self._by_name))

    @property
    def longest(self) -> float:
        """Seconds that the slowest of them may take."""
        return max((self.timeout(kind) for kind in self._by_name.values()), default=0.0)

    def timeout(self, kind: JobKind[Any, Any]) -> float:
        """Seconds that one attempt at the kind may take in this process."""
        return min(kind.timeout, self._longest)

    def find(self, name: str) -> JobKind[Any, Any] | None:
        """None where only a newer version, or nobody, knows it."""
        return self._by_name.get(name)
