"""`jubilee jobs`: lists and changes jobs of all owners, as `/tasks` does for an admin."""

import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import UUID

from pydantic import ValidationError

from jubilee.commands.opening import with_services
from jubilee.commands.reading import read_settings, reasons
from jubilee.commands.refusal import CommandRefused
from jubilee.domain.errors import Conflict, NotFound
from jubilee.domain.identity import OPERATOR
from jubilee.domain.tasks.service import TaskService
from jubilee.domain.tasks.task import Task
from jubilee.entrypoints.exit_codes import USAGE
from jubilee.entrypoints.http.task_models import TaskQuery
from jubilee.entrypoints.job_texts import as_json, as_table, as_text, page_as_json

JobAction: TypeAlias = Callable[[TaskService, str], Awaitable[Task | None]]


def list_jobs(chosen: Namespace) -> int:
    """Print one page of jobs, newest first, and how to print the next one."""
    query = _query(chosen)
    after = None if chosen.after is None else (str(chosen.after),)

    async def read(tasks: TaskService) -> int:
        page = await tasks.list(query.to_domain(), by=OPERATOR, after=after, limit=query.limit)
        if chosen.ids:
            sys.stdout.writelines(f"{task.id}\n" for task in page.rows)
        else:
            sys.stdout.write((page_as_json if chosen.json else as_table)(page) + "\n")
        return 0

    return _with_tasks(read)


def show(chosen: Namespace) -> int:
    """Print all fields of each job."""
    return _each(chosen, lambda tasks, name: tasks.get(name, by=OPERATOR))


def retry(chosen: Namespace) -> int:
    """Queue dead jobs again."""
    return _each(chosen, lambda tasks, name: tasks.retry(name, by=OPERATOR), done="queued")


def cancel(chosen: Namespace) -> int:
    """Cancel queued jobs, ask running jobs to stop."""
    return _each(chosen, lambda tasks, name: tasks.stop(name, by=OPERATOR), done="cancelled")


def discard(chosen: Namespace) -> int:
    """Delete finished jobs."""

    async def act(tasks: TaskService, name: str) -> None:
        await tasks.discard(name, by=OPERATOR)

    return _each(chosen, act, done="discarded")


def _query(chosen: Namespace) -> TaskQuery:
    names = ("owner", "kind", "status", "limit")
    try:
        return TaskQuery(**{name: getattr(chosen, name) for name in names})
    except ValidationError as error:
        raise CommandRefused(reasons(error), USAGE) from None


def _each(chosen: Namespace, act: JobAction, *, done: str = "") -> int:
    """Act on every id; print each refusal on its own line, and return 1 if there was any.

    `done` is printed after the id of a changed job; without it, the job is printed.
    """

    async def work(tasks: TaskService) -> int:
        code = 0
        for job_id in chosen.ids:
            try:
                task = await act(tasks, str(job_id))
            except (NotFound, Conflict) as refusal:
                sys.stderr.write(f"jubilee: {job_id}: {refusal}\n")
                code = 1
            else:
                sys.stdout.write(_report(chosen, job_id, task, done) + "\n")
        return code

    return _with_tasks(work)


def _report(chosen: Namespace, job_id: UUID, task: Task | None, done: str) -> str:
    if chosen.json:
        return as_json(job_id, task)
    if not done and task is not None:
        return as_text(task)
    stops_later = task is not None and task.cancel_requested
    return f"{job_id} {'asked to stop' if stops_later else done}"


def _with_tasks(work: Callable[[TaskService], Awaitable[int]]) -> int:
    return with_services(read_settings(), lambda services: work(services.tasks), command="jobs")
