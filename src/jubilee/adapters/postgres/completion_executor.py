"""Statements of the transaction that completes a job."""

from types import TracebackType
from typing import Self

from jubilee.adapters.postgres.jobs.ends import JobEnds, SucceededJob
from jubilee.adapters.postgres.jobs.store import END
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction_executor import TransactionExecutor
from jubilee.domain.jobs.store import LeaseLost


class CompletionExecutor(TransactionExecutor):
    """Begins with the end of the job, on a connection that is lent when a statement follows.

    An end without effects needs neither a connection nor a transaction of its own: it shares both
    with those of other jobs. An asynchronous context manager: commits on a clean exit, else rolls
    back.
    """

    __slots__ = ("_ends", "_is_lent", "_job", "_lease")

    def __init__(self, pool: ConnectionPool, ends: JobEnds, job: SucceededJob) -> None:
        self._begun = self._is_lent = False
        self._lease = pool.executor()
        self._ends = ends
        self._job = job
        reference = job.reference
        values = {"id": reference.id, "epoch": reference.epoch, "status": "succeeded"}
        self._waiting = END, {**values, "result": job.result, "error": None}, LeaseLost

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Commit or roll back, and give the connection back.

        Raises LeaseLost, or Unavailable where the connection broke or the time was up.
        """
        try:
            if error is None:
                await self.commit()
            elif isinstance(error, Exception):
                await self.roll_back()
        except BaseException as failure:
            await self._give_back(failure)
            raise
        await self._give_back(error)

    async def commit(self) -> None:
        """Commit; raises LeaseLost if another worker has claimed a job without effects."""
        if self._begun:
            await super().commit()
        elif not await self._ends.succeed(self._job):
            raise LeaseLost

    async def _begin(self) -> None:
        lent = await self._lease.__aenter__()
        self._is_lent = True
        self.driver, self.observe = lent.driver, lent.observe
        await super()._begin()

    async def _give_back(self, error: BaseException | None) -> None:
        if self._is_lent:
            traceback = None if error is None else error.__traceback__
            await self._lease.__aexit__(None if error is None else type(error), error, traceback)
