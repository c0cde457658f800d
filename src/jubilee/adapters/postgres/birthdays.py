"""Birthdays by name and by day; account_birthdays.py writes those of accounts."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from asyncpg import PostgresError, Record
from sqlalchemy import (
    Integer,
    bindparam,
    delete,
    func,
    select,
    update,
)

from jubilee.adapters.postgres.account_birthdays import COUNT
from jubilee.adapters.postgres.birthday_window import WITHIN
from jubilee.adapters.postgres.core_statement import core_statement, keyed_statement
from jubilee.adapters.postgres.counter_names import ANONYMOUS_BIRTHDAYS
from jubilee.adapters.postgres.documents import encode
from jubilee.adapters.postgres.keyset import page
from jubilee.adapters.postgres.statement import Executor, KeyedStatement, Statement, numbered
from jubilee.adapters.postgres.tables import birthdays, counters
from jubilee.domain.birthday import (
    Birth,
    Birthday,
    BirthdayRepository,
    KnownBirthdayStore,
    Saved,
    TooManyNames,
)
from jubilee.domain.calendar import CelebrationDay, Window, celebration_days
from jubilee.domain.celebrations import Celebration
from jubilee.domain.identity import UserId, name_key
from jubilee.domain.paging import Page, Position

BY_NAME = birthdays.c.name_key == bindparam("key")
BY_ID = birthdays.c.id == bindparam("birthday_id")
NO_ID = UUID(int=0)

FIND = keyed_statement(
    select(birthdays.c.name_key, birthdays.c.date_of_birth, birthdays.c.time_zone).where(
        birthdays.c.date_of_birth.is_not(None)
    ),
    key=birthdays.c.name_key,
)
LOCK = core_statement(
    select(
        birthdays.c.id,
        birthdays.c.name,
        birthdays.c.user_id,
        birthdays.c.date_of_birth,
        birthdays.c.time_zone,
    )
    .where(BY_NAME)
    .with_for_update()
)
# A conflicting row is locked even if it may not be overwritten. The join reads and locks the
# old row before the insert; only one that another transaction is creating escapes it.
PUT = Statement.from_sql(
    """WITH old AS (
        SELECT date_of_birth FROM birthdays WHERE name_key = :name_key FOR NO KEY UPDATE
    )
    INSERT INTO birthdays
        (id, name, name_key, date_of_birth, time_zone, created_at, updated_at)
    SELECT :id, :name, :name_key, :date_of_birth, :time_zone, now(), now()
    FROM (SELECT) AS new LEFT JOIN old ON true
    ON CONFLICT (name_key) DO UPDATE SET
        name = excluded.name, date_of_birth = excluded.date_of_birth,
        time_zone = excluded.time_zone, updated_at = excluded.updated_at
    WHERE birthdays.user_id IS NULL AND CAST(:overwrite AS boolean)
    RETURNING xmax = 0 AS fresh, (SELECT date_of_birth FROM old) AS replaced"""
)
# Shared by concurrent requests. Locked rows are skipped: one that a transaction holds would delay
# all others, and two statements with the same names would wait for each other. The lists come from
# sub-queries, so that PostgreSQL keeps one plan for all lengths, as in `keyed_statement`.
REPLACE = KeyedStatement(
    lambda: numbered(
        """WITH saved AS (
            SELECT * FROM unnest(
                (SELECT CAST(:keys AS text[])), (SELECT CAST(:name AS text[])),
                (SELECT CAST(:date_of_birth AS date[])), (SELECT CAST(:time_zone AS text[]))
            ) AS saved (name_key, name, date_of_birth, time_zone)
        ), old AS MATERIALIZED (
            SELECT saved.*, birthdays.id, birthdays.date_of_birth AS replaced
            FROM birthdays JOIN saved ON saved.name_key = birthdays.name_key
            WHERE birthdays.user_id IS NULL FOR NO KEY UPDATE OF birthdays SKIP LOCKED
        )
        UPDATE birthdays SET
            name = old.name, date_of_birth = old.date_of_birth, time_zone = old.time_zone,
            updated_at = now()
        FROM old WHERE birthdays.id = old.id
        RETURNING old.name_key, old.replaced"""
    ),
    key="name_key",
)
COUNT_ONE = core_statement(
    update(counters)
    .where(
        counters.c.name == ANONYMOUS_BIRTHDAYS,
        counters.c.value < bindparam("limit", type_=Integer),
    )
    .values(value=counters.c.value + 1)
    .returning(counters.c.value)
)
CHANGE = core_statement(
    update(birthdays).where(BY_ID).values(updated_at=func.now()),
    columns=["date_of_birth", "time_zone"],
)
REMOVE = core_statement(
    delete(birthdays).where(BY_ID, birthdays.c.user_id.is_(None)).returning(birthdays.c.id)
)


@dataclass(frozen=True, slots=True)
class PostgresBirthdays(BirthdayRepository, KnownBirthdayStore):
    """Reads and writes birthdays; the unique key of the name decides between concurrent writers."""

    executor: Executor

    async def find(self, key: str) -> Birth | None:
        row = await self.executor.by_key(FIND, key)
        return None if row is None else Birth(row["date_of_birth"], row["time_zone"])

    async def lock(self, key: str) -> Birthday | None:
        row = await self.executor.first(LOCK, key=key)
        return None if row is None else _birthday(row)

    async def replace(self, name: str, birth: Birth) -> Saved | None:
        with suppress(PostgresError):  # another name of the same statement may be refused
            row = await self.executor.by_key(REPLACE, name_key(name), name=name, **_columns(birth))
            return None if row is None else Saved(row["replaced"])
        return None

    async def put(self, birthday: Birthday, *, overwrite: bool, max_anonymous: int) -> Saved | None:
        row = await self.executor.first(
            PUT,
            id=birthday.id,
            name=birthday.name,
            name_key=birthday.key,
            overwrite=overwrite,
            **_columns(birthday.birth),
        )
        if row is None:
            return None
        if not row["fresh"]:
            return Saved(row["replaced"], is_certain=row["replaced"] is not None)
        # All writers of new names wait for this one row: it is updated last.
        if await self.executor.first(COUNT_ONE, limit=max_anonymous) is None:
            raise TooManyNames
        return Saved()

    async def change(self, birthday_id: UUID, birth: Birth | None) -> None:
        await self.executor.run(CHANGE, birthday_id=birthday_id, **_columns(birth))

    async def remove(self, birthday_id: UUID) -> None:
        # Only a row that was there was counted.
        if await self.executor.first(REMOVE, birthday_id=birthday_id) is not None:
            await self.executor.run(COUNT, change=-1)

    async def list_window(
        self, window: Window, *, after: Position | None, limit: int
    ) -> Page[Celebration]:
        rows = await self.executor.all(
            WITHIN,
            today=window.dates.today,
            ahead=encode(dict(window.dates.ahead)),
            nearest=window.nearest,
            furthest=window.furthest,
            rows=limit + 1,
            **_celebration_days(window, after),
        )
        found = [_celebration(row) for row in rows[:limit]]
        return page(found, _key, more=len(rows) > limit)


def _celebration_days(window: Window, after: Position | None) -> dict[str, object]:
    """Return the days of the page, as columns; `after` bounds the ids of the first day."""
    days = list(celebration_days(window.first, window.last, window.rule))
    if after is not None:
        last = date.fromisoformat(after[0]), int(after[1])
        days = [celebration_day for celebration_day in days if _order(celebration_day) >= last]
        first_id = UUID(after[2]) if days and _order(days[0]) == last else NO_ID
    else:
        first_id = NO_ID
    return {
        "days": [celebration_day.day for celebration_day in days],
        "month_days": [celebration_day.month_day for celebration_day in days],
        "previous": [celebration_day.previous for celebration_day in days],
        "last_ids": [first_id, *[NO_ID] * (len(days) - 1)][: len(days)],
    }


def _order(celebration_day: CelebrationDay) -> tuple[date, int]:
    return celebration_day.day, celebration_day.month_day


def _key(celebration: Celebration) -> tuple[date, int, UUID]:
    born = celebration.born
    return celebration.day, born.month * 100 + born.day, celebration.id


def _columns(birth: Birth | None) -> dict[str, object]:
    if birth is None:
        return {"date_of_birth": None, "time_zone": None}
    return {"date_of_birth": birth.date, "time_zone": birth.time_zone}


def _birthday(row: Record) -> Birthday:
    born = row["date_of_birth"]
    return Birthday(
        id=row["id"],
        name=row["name"],
        user_id=row["user_id"],
        birth=None if born is None else Birth(born, row["time_zone"]),
    )


def _celebration(row: Record) -> Celebration:
    owner = row["user_id"]
    return Celebration(
        id=row["id"],
        name=row["name"],
        user_id=None if owner is None else UserId(owner),
        born=row["date_of_birth"],
        day=row["day"],
        days=row["days"],
    )
