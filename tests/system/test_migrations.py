"""Migrations on a real PostgreSQL, by the commands of operators."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory

import jubilee
from jubilee.adapters.postgres import schema
from jubilee.adapters.postgres.schema_state import known_revisions, migrations_folder
from tests.servers import Servers, fresh_database
from tests.support.api import COMMAND, NO_REDIS, NOWHERE, run, wait_for_lock_wait

SCRIPTS = ScriptDirectory(str(migrations_folder()))
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]


@pytest.fixture
async def empty(servers: Servers) -> AsyncIterator[str]:
    """The URL of an empty database."""
    async with fresh_database(servers) as url:
        yield url


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the sources to which tests may add migrations."""
    shutil.copytree(Path(jubilee.__file__).parent, tmp_path / "src/jubilee")
    shutil.copytree(migrations_folder(), tmp_path / "migrations")
    return tmp_path


def ask(url: str, question: str) -> object:
    """Return the first value of the first row."""

    async def work() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    with asyncio.Runner() as runner:
        return runner.run(work())


VERSION = "SELECT version_num FROM alembic_version"
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


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_revision_can_be_downgraded_and_upgraded(empty: str, revision: str) -> None:
    config = schema.alembic_config(empty)
    command.upgrade(config, revision)
    command.downgrade(config, "-1")
    command.upgrade(config, revision)
    command.upgrade(config, "head")
    schema.check(empty)
    assert ask(empty, VERSION) == REVISIONS[-1]


def test_downgrading_to_nothing_leaves_an_empty_database(empty: str) -> None:
    config = schema.alembic_config(empty)
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    assert ask(empty, THINGS) is None


def test_eight_processes_migrate_at_once(empty: str, tmp_path: Path) -> None:
    env = {"DATABASE_URL": empty, "REDIS_URL": NO_REDIS, "DATA_DIR": str(tmp_path)}
    started = [
        subprocess.Popen((*COMMAND, "migrate"), cwd=tmp_path, env=env, stderr=subprocess.PIPE)
        for _ in range(8)
    ]
    errors = [process.communicate(timeout=60)[1].decode() for process in started]
    assert [process.returncode for process in started] == [0] * 8, errors
    schema.check(empty)


async def test_a_waiting_migration_does_not_block_writers(database_url: str) -> None:
    reader, writer = [await asyncpg.connect(database_url) for _ in range(2)]
    await reader.execute("BEGIN; SELECT FROM jobs LIMIT 1")  # a backup holds such a lock for hours
    config = schema.alembic_config(database_url)
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
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The statements of CONTRIBUTING as a migration."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations_folder(), folder)
    (folder / "versions/29991231_index.py").write_text(CONCURRENT.format(head=REVISIONS[-1]))
    monkeypatch.setattr(schema, "migrations_folder", lambda: folder)
    writer, other = [await asyncpg.connect(database_url) for _ in range(2)]
    await other.execute("CREATE INDEX ix_items_new ON items (created_at)")
    await other.execute(INVALID)
    await writer.execute("BEGIN; UPDATE items SET version = version")
    migrating = asyncio.create_task(asyncio.to_thread(schema.upgrade, database_url))
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


def test_a_migration_is_generated_from_the_differences(database_url: str, checkout: Path) -> None:
    ask(database_url, "ALTER TABLE items ADD extra int")
    before = set((checkout / "migrations/versions").glob("*.py"))
    env = {"DATABASE_URL": database_url, "REDIS_URL": NO_REDIS}
    made = run(checkout / "src", "migration", "drop the extra", **env)
    assert made.returncode == 0, made.stderr
    (written,) = set((checkout / "migrations/versions").glob("*.py")) - before
    assert written.name.endswith("_drop_the_extra.py")
    assert "op.drop_column('items', 'extra')" in written.read_text()
    assert run(checkout / "src", "migrate", **env).returncode == 0
    assert ask(database_url, VERSION) != REVISIONS[-1]


FOREIGN = """
    DO $$ BEGIN
    SET LOCAL search_path = public;
    CREATE TABLE orders (id integer PRIMARY KEY, user_id uuid REFERENCES users (id), note text);
    CREATE INDEX ON orders (note);
    CREATE VIEW open_orders AS SELECT id FROM orders;
    CREATE SCHEMA shop;
    CREATE TABLE shop.jobs (id integer PRIMARY KEY);
    CREATE TABLE shop.orders (id integer REFERENCES public.orders (id));
    CREATE INDEX dba_jobs_kind ON jobs (kind);
    ALTER TABLE items ADD CONSTRAINT dba_title UNIQUE (id, title);
    ALTER TABLE items ADD CONSTRAINT dba_version CHECK (version < 1000000);
    END $$
"""
"""Another program's tables beside ours and in a schema of its own, and an administrator's index."""


def written(checkout: Path, url: str, name: str) -> Path:
    """Run `jubilee migration` and return the file that it writes."""
    before = set((checkout / "migrations/versions").glob("*.py"))
    made = run(checkout / "src", "migration", name, DATABASE_URL=url, REDIS_URL=NO_REDIS)
    assert made.returncode == 0, made.stderr
    (path,) = set((checkout / "migrations/versions").glob("*.py")) - before
    return path


def test_tables_of_others_are_ignored(database_url: str, checkout: Path) -> None:
    ask(database_url, FOREIGN)
    schema.check(database_url)
    text = written(checkout, database_url, "nothing").read_text()
    assert re.findall(r"^    (\w.+)$", text, re.MULTILINE) == ["pass", "pass"]


def test_undeclared_tables_are_dropped_and_tables_of_others_kept(
    database_url: str, checkout: Path
) -> None:
    ask(database_url, FOREIGN)
    tables = checkout / "src/jubilee/adapters/postgres/tables.py"
    ours = tables.read_text()
    for gone in (r'    Index\("ix_greetings_due_on".+\n', r"\nworkers = Table\((?:\n.+)+\n\)\n"):
        ours, count = re.subn(gone, "", ours)
        assert count == 1, gone
    tables.write_text(ours)
    text = written(checkout, database_url, "less").read_text()
    up = text.partition("def downgrade")[0]
    dropped = re.findall(r"op\.drop_\w+\((?:op\.f\()?'(\w+)'", up)
    assert set(dropped) == {"workers", "ix_greetings_due_on"}


def test_new_revisions_sort_after_the_head(database_url: str, checkout: Path) -> None:
    env = {"DATABASE_URL": database_url, "REDIS_URL": NO_REDIS}
    for name in ("zebra", "a very long name that says more than a revision can bear", "apple"):
        path = written(checkout, database_url, name)
        assert run(checkout / "src", "migrate", **env).returncode == 0
        assert str(ask(database_url, VERSION))[:9] == path.name[:9]
    names = sorted(path.name for path in (checkout / "migrations/versions").glob("*.py"))
    assert [name.split("_")[1].removesuffix(".py") for name in names[-3:]] == [
        "zebra",
        "a",
        "apple",
    ]


@pytest.mark.parametrize(
    ("head", "today", "named"),
    [
        (None, "2026-11-21", "2026-11-21"),
        ("20261124_workers", "2026-11-21", "2026-11-25"),
        ("20261124_workers", "2026-11-24", "2026-11-25"),
        ("20261231_workers", "2026-12-31", "2027-01-01"),
        ("20261124_workers", "2027-02-01", "2027-02-01"),
        ("4f1c2a", "2026-11-21", "2026-11-21"),
    ],
)
def test_the_day_of_a_revision_is_after_the_heads(head: str | None, today: str, named: str) -> None:
    found = schema.next_day(head, date.fromisoformat(today))
    assert found == date.fromisoformat(named)


def test_a_migration_without_a_name_is_refused_in_one_line(
    database_url: str, checkout: Path
) -> None:
    env = {"DATABASE_URL": database_url, "REDIS_URL": NO_REDIS}
    made = run(checkout / "src", "migration", "!", **env)
    assert (made.returncode, made.stderr.count("\n")) == (1, 1)
    assert "needs a letter or a digit" in made.stderr


@pytest.mark.parametrize("words", [("migrate",), ("rollback",), ("migration", "x")])
def test_a_missing_database_is_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = run(tmp_path, *words, DATABASE_URL=NOWHERE, REDIS_URL=NO_REDIS)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("jubilee: the schema was not changed: ")


def test_an_unknown_database_is_one_line(servers: Servers, tmp_path: Path) -> None:
    url = urlsplit(servers.database_url)._replace(path="/nowhere").geturl()
    ended = run(tmp_path, "migrate", DATABASE_URL=url, REDIS_URL=NO_REDIS)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert 'database "nowhere" does not exist' in line


def test_an_unknown_revision_is_one_line(database_url: str, tmp_path: Path) -> None:
    ask(database_url, "UPDATE alembic_version SET version_num = 'newer' RETURNING version_num")
    ended = run(tmp_path, "migrate", DATABASE_URL=database_url, REDIS_URL=NO_REDIS)
    assert ended.returncode == 1
    assert "newer" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_revisions_read_as_text_equal_those_of_alembic() -> None:
    known, head = known_revisions()
    assert known == {script.revision for script in SCRIPTS.walk_revisions()}
    assert head == SCRIPTS.get_current_head()
