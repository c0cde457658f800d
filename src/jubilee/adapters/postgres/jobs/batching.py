"""Batching of concurrent calls: those made while a batch runs form the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

A = TypeVar("A")
R = TypeVar("R")


class CallBatcher(Generic[A, R]):
    """Batches calls that have one argument each; a single call runs at once."""

    def __init__(
        self, work: Callable[[Sequence[A]], Awaitable[Sequence[R]]], *, limit: int
    ) -> None:
        """`work` returns results for up to `limit` arguments, in their order."""
        self._work = work
        self._limit = limit
        self._waiting: list[tuple[A, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, argument: A) -> R:
        """Return the result for this argument, or raise the exception of `work`."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((argument, future))
        if self._task is None:
            # It serves other callers, too: its log lines must not carry the first one's context.
            self._task = asyncio.create_task(self._run(), context=Context())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[: self._limit]
                # Leave out cancelled calls: a job claimed for one of them would not be run.
                await self._answer([call for call in batch if not call[1].done()])
                del self._waiting[: len(batch)]
        finally:
            self._task = None
            while self._waiting:  # not empty only where this task was cancelled
                self._waiting.pop()[1].cancel()

    async def _answer(self, batch: Sequence[tuple[A, "asyncio.Future[R]"]]) -> None:
        if not batch:
            return
        arguments, futures = zip(*batch, strict=True)
        try:
            answers = await self._work(arguments)
            answered = list(zip(futures, answers, strict=True))
        except Exception as error:
            for future in futures:
                if not future.done():
                    future.set_exception(error)
            return
        for future, answer in answered:
            if not future.done():
                future.set_result(answer)
