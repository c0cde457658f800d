"""Migrations on a real PostgreSQL, by the commands of operators."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from alembic import command

from jubilee.adapters.postgres import schema
from jubilee.adapters.postgres.schema_state import known_revisions, migrations_folder
from tests.servers import Servers, fresh_database
from tests.support.api import NO_REDIS, NOWHERE, run, wait_for_lock_wait
from tests.system.migrating import REVISIONS, SCRIPTS, VERSION, ask


@pytest.fixture
async def empty(servers: Servers) -> AsyncIterator[str]:
    """The URL of an empty database."""
    async with fresh_database(servers) as url:
        yield url


THINGS = """
    SELECT string_agg(name, ' ') FROM (
        SELECT relname AS name, relnamespace AS schema FROM pg_class
        UNION ALL SELECT typname, typnamespace FROM pg_type
        UNION ALL SELECT proname, pronamespace FROM pg_proc
    ) AS things
    WHERE schema = 'public'::regnamespace AND name NOT LIKE '%alembic%'
"""


def test_migrations_use_their_own_url(empty: str, tmp_path: Path) -> None:
    ended = run(tmp_path, "migrate", DATABASE_URL=NOWHERE, DATABASE_MIGRATION_URL=empty)
    assert ended.returncode == 0, ended.stderr
    assert ask(empty, VERSION) == known_revisions()[1]


def test_the_migrations_create_exactly_the_declared_tables(empty: str) -> None:
    schema.upgrade(empty)
    schema.check(empty)
    assert ask(empty, VERSION) == REVISIONS[-1]


def test_check_13_a_new_installation_has_no_account(empty: str) -> None:
    schema.upgrade(empty)
    assert ask(empty, "SELECT count(*) FROM users") == 0


def test_each_revision_can_be_downgraded_and_upgraded(empty: str) -> None:
    config = schema.alembic_config(empty)
    for revision in REVISIONS:
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)
    schema.check(empty)
    assert ask(empty, VERSION) == REVISIONS[-1]


def test_downgrading_to_nothing_leaves_an_empty_database(empty: str) -> None:
    config = schema.alembic_config(empty)
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    assert ask(empty, THINGS) is None


def test_eight_processes_migrate_at_once(empty: str, tmp_path: Path) -> None:
    urls = {"DATABASE_URL": empty, "REDIS_URL": NO_REDIS}
    with ThreadPoolExecutor(8) as threads:
        started = [threads.submit(run, tmp_path, "migrate", **urls) for _ in range(8)]
    ended = [each.result() for each in started]
    assert [each.returncode for each in ended] == [0] * 8, [each.stderr for each in ended]
    schema.check(empty)


async def test_a_waiting_migration_does_not_block_writers(session_url: str) -> None:
    reader, writer = [await asyncpg.connect(session_url) for _ in range(2)]
    await reader.execute("BEGIN; SELECT FROM jobs LIMIT 1")  # a backup holds such a lock for hours
    config = schema.alembic_config(session_url)
    migrating = asyncio.create_task(
        asyncio.to_thread(command.downgrade, config, "20261126_worker_kinds")
    )
    await wait_for_lock_wait(writer)
    for _ in range(3):
        await writer.execute("UPDATE jobs SET epoch = epoch", timeout=20)
    assert not migrating.done()
    await reader.execute("COMMIT")
    await migrating
    assert await writer.fetchval(VERSION) == "20261126_worker_kinds"
    for connection in (reader, writer):
        await connection.close()


async def test_an_index_is_created_concurrently_and_again_if_invalid(
    session_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The statements of CONTRIBUTING as a migration."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations_folder(), folder)
    (folder / "versions/29991231_index.py").write_text(CONCURRENT.format(head=REVISIONS[-1]))
    monkeypatch.setattr(schema, "migrations_folder", lambda: folder)
    writer, other = [await asyncpg.connect(session_url) for _ in range(2)]
    await other.execute("CREATE INDEX ix_items_new ON items (created_at)")
    await other.execute(INVALID)
    await writer.execute("BEGIN; UPDATE items SET version = version")
    migrating = asyncio.create_task(asyncio.to_thread(schema.upgrade, session_url))
    await wait_for_lock_wait(other)
    await other.execute("UPDATE items SET version = version", timeout=20)
    await writer.execute("COMMIT")
    await migrating
    assert await other.fetchval(f"SELECT indisvalid FROM pg_index WHERE {IS_IT}")
    for connection in (writer, other):
        await connection.close()


IS_IT = "indexrelid = 'ix_items_new'::regclass"

INVALID = f"UPDATE pg_index SET indisvalid = false WHERE {IS_IT}"

CONCURRENT = """
from alembic import op

revision = "29991231_index"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        options = {{"postgresql_concurrently": True, "if_exists": True}}
        op.drop_index("ix_items_new", "items", **options)
        op.create_index("ix_items_new", "items", ["created_at"], postgresql_concurrently=True)


def downgrade() -> None:
    pass
"""


def test_rollback_reverts_the_last_revision(empty: str, tmp_path: Path) -> None:
    env = {"DATABASE_URL": empty, "REDIS_URL": NO_REDIS}
    assert run(tmp_path, "migrate", **env).returncode == 0
    assert ask(empty, VERSION) == SCRIPTS.get_current_head()
    assert run(tmp_path, "rollback", **env).returncode == 0
    assert ask(empty, VERSION) == (REVISIONS[-2] if len(REVISIONS) > 1 else None)


def test_revisions_read_as_text_equal_those_of_alembic() -> None:
    known, head = known_revisions()
    assert known == {script.revision for script in SCRIPTS.walk_revisions()}
    assert head == SCRIPTS.get_current_head()
