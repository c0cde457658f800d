"""The operations that `tests.benchmarks.growth` measures, each through its adapter."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs.backlog import PostgresBacklog
from jubilee.adapters.postgres.jobs.due_jobs import PostgresDueJobs
from jubilee.adapters.postgres.jobs.store import PostgresJobStore
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.domain.birthday import Birth, Birthday
from jubilee.domain.calendar import LeapDayRule, LocalDates, Window
from jubilee.domain.identity import UserId
from jubilee.domain.items import Item, ItemFilter
from jubilee.domain.jobs.store import JobReference
from jubilee.domain.tasks.quota import add_within_limit
from jubilee.domain.tasks.task import TaskFilter, TaskRequest
from jubilee.domain.transaction import Begin
from tests.benchmarks.growth_rows import COMMON, IN_20, IN_200, NEWEST, OLD, RARE, moment, row_id

ROWS, TODAYS_ROWS, DUE_ROWS, DELETED_ROWS = 20, 100, 10, 2
MAX_ANONYMOUS, MAX_LIVE = 1_000_000, 10_000
TODAY = NEWEST.date()


@dataclass(frozen=True, slots=True)
class Site:
    """A database with so many rows in each table."""

    pool: ConnectionPool
    read: Begin[PostgresTransaction]
    write: Begin[PostgresTransaction]
    size: int

    @property
    def owner(self) -> UserId:
        """An account in the middle, with ten items and ten tasks."""
        return UserId(row_id(self.size // 20))


Operation: TypeAlias = Callable[[Site], Awaitable[object]]


async def _birthday(site: Site) -> object:
    async with site.read() as view:
        return await view.birthdays.find(f"user{site.size // 2}")


async def _account(site: Site) -> object:
    async with site.read() as view:
        return await view.users.get(UserId(row_id(site.size // 2)))


async def _item(site: Site) -> object:
    async with site.read() as view:
        return await view.items.get(row_id(site.size // 2))


def _items(*, depth: float | None = None, word: str | None = None) -> Operation:
    """List items; `depth` is the share of all that the pages before had."""

    async def listed(site: Site) -> object:
        number = None if depth is None else int(site.size * (1 - depth))
        after = None if number is None else (moment(number).isoformat(), str(row_id(number)))
        async with site.read() as view:
            chosen = ItemFilter(search=word)
            return await view.items.page(chosen, after=after, limit=ROWS)

    return listed


async def _accounts_deep(site: Site) -> object:
    number = site.size // 2
    after = moment(number).isoformat(), str(row_id(number))
    async with site.read() as view:
        return await view.users.page(search=None, after=after, limit=ROWS)


async def _own_tasks(site: Site) -> object:
    async with site.read() as view:
        return await view.tasks.page(TaskFilter(owner=site.owner), after=None, limit=ROWS)


async def _all_tasks_deep(site: Site) -> object:
    async with site.read() as view:
        after = (str(row_id(site.size // 2)),)
        return await view.tasks.page(TaskFilter(), after=after, limit=ROWS)


async def _today(site: Site) -> object:
    dates = LocalDates(TODAY, {})
    async with site.read() as view:
        window = Window(dates, 0, 0, LeapDayRule.FEB28)
        return await view.birthdays.list_window(window, after=None, limit=TODAYS_ROWS)


async def _save_birthday(site: Site) -> object:
    name = f"user{site.size // 2}x"
    birthday = Birthday(id=new_id(), name=name, birth=Birth(date(1990, 2, 28), None))
    async with site.write() as tx:
        return await tx.birthdays.put(birthday, overwrite=True, max_anonymous=MAX_ANONYMOUS)


async def _new_item(site: Site) -> None:
    item = Item(
        id=new_id(), owner_id=site.owner, title="Engine", created_at=NEWEST, updated_at=NEWEST
    )
    async with site.write() as tx:
        await tx.items.add(item)


async def _new_task(site: Site) -> object:
    async with site.write() as tx:
        return await add_within_limit(
            tx.task_queue, TaskRequest(data={}), new_id=new_id(), owner=site.owner, limit=MAX_LIVE
        )


async def _mark_due(site: Site) -> object:
    return await PostgresDueJobs(site.pool).mark_due(["echo"], limit=DUE_ROWS)


async def _claim(site: Site) -> object:
    """Mark a due job and claim it."""
    [due] = await PostgresDueJobs(site.pool).mark_due(["echo"], limit=1)
    store = PostgresJobStore(site.pool, worker_id=new_id(), lease=30, kinds=["echo"])
    claimed = await store.claim(JobReference(due.reference.id, due.reference.epoch))
    assert claimed is not None
    return claimed


async def _due_summary(site: Site) -> object:
    return await PostgresDueJobs(site.pool).due_summary(["echo"])


async def _prune(site: Site) -> object:
    return await PostgresDueJobs(site.pool).prune(days=7, limit=DELETED_ROWS)


async def _backlog(site: Site) -> object:
    return await PostgresBacklog(site.pool)()


OPERATIONS: Mapping[str, Operation] = {
    "birthday by name": _birthday,
    "account by id": _account,
    "item by id": _item,
    "first page of items": _items(),
    "page of items in the middle": _items(depth=0.5),
    "page of items at the end": _items(depth=0.999),
    "page of accounts in the middle": _accounts_deep,
    "own tasks": _own_tasks,
    "page of all tasks in the middle": _all_tasks_deep,
    "search: a word in each row": _items(word=COMMON),
    "search: in one of 20": _items(word=IN_20),
    "search: in one of 200": _items(word=IN_200),
    "search: in one of 20, none of the newest": _items(word=OLD),
    "search: in one of 10 000": _items(word=RARE),
    "search: in none": _items(word="absent"),
    "today's birthdays, 100": _today,
    "save a birthday": _save_birthday,
    "new item": _new_item,
    "new task": _new_task,
    "mark 10 due jobs": _mark_due,
    "mark and claim a job": _claim,
    "next due job": _due_summary,
    "delete 2 ended jobs": _prune,
    "count the backlog (metrics)": _backlog,
}
