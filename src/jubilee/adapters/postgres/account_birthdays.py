"""The row in `birthdays` of each account, which also reserves the account's name."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, delete, literal_column, update
from sqlalchemy.dialects.postgresql import insert

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.counter_names import ANONYMOUS_BIRTHDAYS
from jubilee.adapters.postgres.statement import Executor
from jubilee.adapters.postgres.tables import birthdays, counters
from jubilee.domain.identity import is_person_name, name_key
from jubilee.domain.users.user import User

COLUMNS = ["name", "name_key", "date_of_birth", "time_zone", "updated_at"]

_new = insert(birthdays)
# A concurrent transaction that saves the same name waits here for this one, or this one for it.
TAKE_NAME = core_statement(
    _new.on_conflict_do_update(
        index_elements=["name_key"],
        set_={"updated_at": _new.excluded.updated_at},
        where=birthdays.c.user_id.is_(None),
    ).returning(literal_column("xmax = 0").label("fresh")),
    columns=["id", "name_key", "created_at", "updated_at"],
)
DROP_NAME = core_statement(
    delete(birthdays).where(birthdays.c.name_key == bindparam("key"), birthdays.c.user_id.is_(None))
)
PUT = core_statement(
    _new.on_conflict_do_update(
        index_elements=["user_id"], set_={name: _new.excluded[name] for name in COLUMNS}
    ),
    columns=["id", "user_id", "created_at", *COLUMNS],
)
COUNT = core_statement(
    update(counters)
    .where(counters.c.name == ANONYMOUS_BIRTHDAYS)
    .values(value=counters.c.value + bindparam("change", type_=counters.c.value.type))
)


@dataclass(frozen=True, slots=True)
class AccountBirthdays:
    """Writes an account's row; a username that is a person's name is reserved for the account."""

    executor: Executor

    async def put(self, row_id: UUID, user: User) -> None:
        """Write the row; a birthday saved under the name without an account is deleted."""
        username = user.username or ""
        key = name_key(username) if is_person_name(username) else None
        if key is not None:
            await self._take(row_id, key, user)
        await self.executor.run(
            PUT,
            id=row_id,
            user_id=user.id,
            name=user.username,
            name_key=key,
            date_of_birth=user.date_of_birth,
            time_zone=user.time_zone,
            created_at=user.updated_at,
            updated_at=user.updated_at,
        )

    async def _take(self, row_id: UUID, key: str, user: User) -> None:
        at = user.updated_at
        taken = await self.executor.first(
            TAKE_NAME, id=row_id, name_key=key, created_at=at, updated_at=at
        )
        if taken is not None:  # else it is this account's already
            await self.executor.run(DROP_NAME, key=key)
        if taken is not None and not taken["fresh"]:
            await self.executor.run(COUNT, change=-1)
