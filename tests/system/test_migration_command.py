"""The commands `migration` and `migrate`: generated revisions, and one line for each refusal."""

import re
import shutil
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import jubilee
from jubilee.adapters.postgres import schema
from jubilee.adapters.postgres.schema_state import migrations_folder
from tests.servers import Servers
from tests.support.api import NO_REDIS, NOWHERE, run
from tests.system.migrating import REVISIONS, VERSION, ask


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the sources to which tests may add migrations."""
    shutil.copytree(Path(jubilee.__file__).parent, tmp_path / "src/jubilee")
    shutil.copytree(migrations_folder(), tmp_path / "migrations")
    return tmp_path


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations, to which this process may add some."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations_folder(), folder)
    monkeypatch.setattr(schema, "migrations_folder", lambda: folder)
    return folder / "versions"


def test_a_migration_is_generated_from_the_differences(session_url: str, checkout: Path) -> None:
    ask(session_url, "ALTER TABLE items ADD extra int")
    before = set((checkout / "migrations/versions").glob("*.py"))
    env = {"DATABASE_URL": session_url, "REDIS_URL": NO_REDIS}
    made = run(checkout / "src", "migration", "drop the extra", **env)
    assert made.returncode == 0, made.stderr
    (written,) = set((checkout / "migrations/versions").glob("*.py")) - before
    assert written.name.endswith("_drop_the_extra.py")
    assert "op.drop_column('items', 'extra')" in written.read_text()
    assert run(checkout / "src", "migrate", **env).returncode == 0
    assert ask(session_url, VERSION) != REVISIONS[-1]


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


def revised(versions: Path, url: str, name: str) -> Path:
    """Write a migration in this process and return its file."""
    before = set(versions.glob("*.py"))
    schema.revise(url, name)
    (path,) = set(versions.glob("*.py")) - before
    return path


def test_tables_of_others_are_ignored(session_url: str, versions: Path) -> None:
    ask(session_url, FOREIGN)
    schema.check(session_url)
    text = revised(versions, session_url, "nothing").read_text()
    assert re.findall(r"^    (\w.+)$", text, re.MULTILINE) == ["pass", "pass"]


def test_undeclared_tables_are_dropped_and_tables_of_others_kept(
    session_url: str, checkout: Path
) -> None:
    ask(session_url, FOREIGN)
    tables = checkout / "src/jubilee/adapters/postgres/tables"
    for name, gone in (
        ("greetings.py", r'    Index\("ix_greetings_due_on".+\n'),
        ("jobs.py", r"\nworkers = Table\((?:\n.+)+\n\)\n"),
        ("__init__.py", r"(?<=task_quotas), workers"),
        ("__init__.py", r'    "workers",\n'),
    ):
        ours, count = re.subn(gone, "", (tables / name).read_text())
        assert count == 1, gone
        (tables / name).write_text(ours)
    text = written(checkout, session_url, "less").read_text()
    up = text.partition("def downgrade")[0]
    dropped = re.findall(r"op\.drop_\w+\((?:op\.f\()?'(\w+)'", up)
    assert set(dropped) == {"workers", "ix_greetings_due_on"}


def test_new_revisions_sort_after_the_head(session_url: str, versions: Path) -> None:
    for name in ("zebra", "a very long name that says more than a revision can bear"):
        path = revised(versions, session_url, name)
        schema.upgrade(session_url)
        assert str(ask(session_url, VERSION))[:9] == path.name[:9]
    names = sorted(path.name for path in versions.glob("*.py"))
    assert [name.split("_")[1].removesuffix(".py") for name in names[-2:]] == ["zebra", "a"]


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
    session_url: str, checkout: Path
) -> None:
    env = {"DATABASE_URL": session_url, "REDIS_URL": NO_REDIS}
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


def test_an_unknown_revision_is_one_line(session_url: str, tmp_path: Path) -> None:
    ask(session_url, "UPDATE alembic_version SET version_num = 'newer' RETURNING version_num")
    ended = run(tmp_path, "migrate", DATABASE_URL=session_url, REDIS_URL=NO_REDIS)
    assert ended.returncode == 1
    assert "newer" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
