"""The rows of a person, as an export reads them from PostgreSQL."""

import re
from collections.abc import Mapping

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.personal_data import PARTS, PersonalTable
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.domain.audit.entry import AuditEvent
from jubilee.domain.items import Item
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.leaving.archive import DataPart
from jubilee.domain.users.user import User
from tests.contracts.accounts import NOW, add_sessions, add_users, make_session, make_user
from tests.contracts.conftest import Database
from tests.contracts.task_rows import insert_task, make_task

SECRET = re.compile(r"password|hash|secret|token|answer|content|key$")
DATABASE = pytest.mark.parametrize("database", ["postgres"], indirect=True)


@pytest.mark.parametrize("part", PARTS.values(), ids=list(PARTS))
def test_every_column_of_a_part_is_exported_unless_it_is_secret_or_internal(
    part: PersonalTable,
) -> None:
    assert not [name for name in re.findall(r"\w+", part.columns) if SECRET.search(name)]


async def read(pool: ConnectionPool, database: Database, user: User) -> Mapping[str, list[object]]:
    """All rows of the person, by part."""
    found: dict[str, list[object]] = {}
    async with database.read() as view:
        for part in view.personal_data.parts:
            page = await view.personal_data.page(part, user.id, None)
            found[part.name] = list(page.rows)
    return found


async def add_rows(database: Database, user: User) -> None:
    """Insert an item, a task, a mail, a deletion and an entry of the audit log of the account."""
    title = f"of {user.username}"
    item = Item(id=new_id(), owner_id=user.id, title=title, created_at=NOW, updated_at=NOW)
    async with database.write() as tx:
        await tx.items.add(item)
        await insert_task(tx, make_task(user, data={"of": user.username}), limit=9)
        await tx.jobs.add(NewJob(id=new_id(), kind="email.welcome", owner_id=user.id))
        await tx.deletions.add(user.id, NOW)
        await tx.audit.record(AuditEvent.SIGN_IN, actor=user.id, subject=user.id)


@DATABASE
async def test_check_45_an_export_reads_ones_own_rows_and_no_other(
    database: Database, pool: ConnectionPool
) -> None:
    zoe, max_ = make_user("zoe", username="zoe"), make_user("max", username="max")
    await add_users(database, zoe, max_)
    await add_sessions(database, make_session(zoe), make_session(max_))
    for user in (zoe, max_):
        await add_rows(database, user)
    found = await read(pool, database, zoe)
    assert {name: len(rows) for name, rows in found.items() if rows} == {
        "account": 1, "birthday": 1, "sessions": 1, "items": 1, "tasks": 1, "mails": 1,
        "activity": 1, "deletion": 1,
    }  # fmt: skip
    assert "max" not in str(found)
    assert str(max_.id) not in str(found)


@DATABASE
async def test_pages_contain_every_row_once(database: Database, pool: ConnectionPool) -> None:
    zoe = make_user("zoe")
    await add_users(database, zoe)
    insert = Statement.from_sql(
        """
        INSERT INTO items (id, owner_id, title, is_active, version, created_at, updated_at)
        SELECT gen_random_uuid(), :owner, 'item ' || n, n % 2 = 0, 1, now(), now()
        FROM generate_series(1, 450) AS n
        """
    )
    async with pool.executor() as executor:
        await executor.run(insert, owner=zoe.id)
    part, after, titles = DataPart("items"), None, list[object]()
    async with database.read() as view:
        for expected in (200, 200, 50):
            page = await view.personal_data.page(part, zoe.id, after)
            titles += [row["title"] for row in page.rows]
            after = page.after
            assert len(page.rows) == expected
    assert after is None
    assert len(set(titles)) == 450
