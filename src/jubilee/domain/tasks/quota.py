"""The limit of live tasks of an account.

To count them for each new task would take longer the more there are. The queue keeps an upper bound
instead, which new tasks raise and ended ones do not lower: it is counted only when it has reached
the limit. With `n` live tasks that is once for `limit - n` new ones.
"""

from uuid import UUID

from jubilee.domain.identity import UserId
from jubilee.domain.tasks.task import Task, TaskQueue, TaskRequest, TooManyTasks


async def add_within_limit(
    queue: TaskQueue, request: TaskRequest, *, new_id: UUID, owner: UserId, limit: int
) -> Task:
    """Insert the task as the last act of its transaction, or find the one of the same request.

    Raises TooManyTasks, or TaskIdTaken if another request had its `task_id`.
    """

    async def added_or_known() -> Task | None:
        task = await queue.add(request, new_id=new_id, owner=owner, limit=limit)
        if task is None and request.task_id is not None:
            return await queue.find_same(request, owner=owner)
        return task

    task = await added_or_known()
    if task is None:
        await queue.recount(owner, limit=limit)
        task = await added_or_known()
    if task is None:
        raise TooManyTasks
    return task


async def admit_within_limit(queue: TaskQueue, owner: UserId, *, limit: int) -> None:
    """Count one more live task; raises TooManyTasks."""
    if await queue.admit(owner, limit=limit):
        return
    await queue.recount(owner, limit=limit)
    if not await queue.admit(owner, limit=limit):
        raise TooManyTasks
