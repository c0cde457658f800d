"""Commits the effect of a request together with its answer.

A use case opens the transaction of its effect by `answered(self.write)`. If the request has an
idempotency key, the end of that block does not commit: the transaction stays open until the answer
is rendered and stored in it. What has to happen after the commit goes through `after_commit`; what
has to be stored although the request is refused uses `self.write()`, which commits at once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar

from jubilee.domain.idempotency.answers import AnswerTransaction
from jubilee.domain.transaction import Begin

A = TypeVar("A", bound=AnswerTransaction)
Callback: TypeAlias = Callable[[], Awaitable[None]]


class AlreadyAnswered(Exception):
    """The request was answered before: its transaction is rolled back."""

    def __init__(self, sealed: bytes) -> None:
        """`sealed` is the stored answer."""
        super().__init__()
        self.sealed = sealed


class DeferredCommit:
    """The transaction of one request with a key; it commits at the end of this context.

    An exception in a block of the use case, or in this context, rolls it back.
    """

    def __init__(self, request_id: bytes) -> None:
        self.request_id = request_id
        self.callbacks: list[Callback] = []
        self._open = AsyncExitStack()
        self._tx: Any = None

    @asynccontextmanager
    async def join(self, begin: Begin[A]) -> AsyncIterator[A]:
        """Open the transaction and claim the request in it, or continue the open transaction."""
        if self._tx is not None:
            yield self._tx
            return
        async with AsyncExitStack() as opening:
            tx = await opening.enter_async_context(begin())
            sealed = await tx.answers.claim(self.request_id)
            if sealed is not None:
                raise AlreadyAnswered(sealed)
            yield tx
            self._tx, self._open = tx, opening.pop_all()

    async def __aenter__(self) -> Self:
        """Make it the one that `answered` joins in this context."""
        self._token = _current.set(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Commit, or roll back after an exception; then run the callbacks."""
        _current.reset(self._token)
        await self._open.__aexit__(kind, error, traceback)
        if error is None:
            for callback in self.callbacks:
                await callback()

    @property
    def is_open(self) -> bool:
        """Whether the transaction waits for its answer."""
        return self._tx is not None


_current: ContextVar[DeferredCommit | None] = ContextVar("deferred_commit", default=None)


def answered(begin: Begin[A]) -> AbstractAsyncContextManager[A]:
    """Open a transaction that commits with the answer of the request; without a key, at its end.

    Raises IdempotencyKeyInUse. An exception in the first block rolls back at once, so that the use
    case may catch it and open another; blocks after it continue its transaction.
    """
    deferred = _current.get()
    return begin() if deferred is None else deferred.join(begin)


def commits_at_once() -> bool:
    """Whether the request has no idempotency key: no answer is stored with its effect."""
    return _current.get() is None


async def after_commit(callback: Callback) -> None:
    """Run the callback now, or after the commit of an open deferred transaction."""
    deferred = _current.get()
    if deferred is not None and deferred.is_open:
        deferred.callbacks.append(callback)
    else:
        await callback()
