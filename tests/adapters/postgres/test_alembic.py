"""The alembic command, run from the root with the settings of `jubilee migrate`."""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from jubilee.adapters.postgres.schema_state import known_revisions, migrations_folder
from tests.servers import Servers, fresh_database

ROOT = migrations_folder().parent
ALEMBIC = str(Path(sys.executable).with_name("alembic"))


@pytest.fixture
async def empty_url(servers: Servers) -> AsyncIterator[str]:
    """The URL of a database without tables."""
    async with fresh_database(servers) as url:
        yield url


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the files that the command reads, to which it may add a migration."""
    shutil.copytree(ROOT / "migrations", tmp_path / "migrations")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def alembic(root: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    values = {"DATA_DIR": str(root / "data"), "PYTHONPATH": str(ROOT / "src"), **env}
    return subprocess.run(
        (ALEMBIC, *arguments), cwd=root, env=values, capture_output=True, text=True, check=False
    )


async def test_upgrade_brings_the_schema_to_the_head(empty_url: str, root: Path) -> None:
    result = alembic(root, "upgrade", "head", DATABASE_URL=empty_url)
    assert result.returncode == 0, result.stderr
    connection = await asyncpg.connect(empty_url)
    version = await connection.fetchval("SELECT version_num FROM alembic_version")
    await connection.close()
    assert version == known_revisions()[1]


def test_a_url_in_the_env_file_is_read(empty_url: str, root: Path) -> None:
    (root / ".env").write_text(f"DATABASE_URL={empty_url}\n")
    result = alembic(root, "upgrade", "head")
    assert result.returncode == 0, result.stderr
    assert known_revisions()[1] in alembic(root, "current").stdout


def test_history_needs_no_database(root: Path) -> None:
    result = alembic(root, "history")
    assert result.returncode == 0, result.stderr
    assert all(revision in result.stdout for revision in known_revisions()[0])


def test_autogenerate_writes_a_dated_file_that_sorts_last(database_url: str, root: Path) -> None:
    arguments = ("revision", "--autogenerate", "-m", "Nothing new")
    result = alembic(root, *arguments, DATABASE_URL=database_url)
    assert result.returncode == 0, result.stderr
    last = max((root / "migrations/versions").glob("*.py"))
    assert last.stem.endswith("_nothing_new")
    text = last.read_text()
    assert f"revision = '{last.stem}'" in text.replace('"', "'")
    assert "op." not in text


def test_check_compares_the_tables_with_the_database(database_url: str, root: Path) -> None:
    result = alembic(root, "check", DATABASE_URL=database_url)
    assert result.returncode == 0, result.stderr


def test_a_missing_database_url_is_reported_in_one_line(root: Path) -> None:
    result = alembic(root, "upgrade", "head")
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    assert "set DATABASE_URL" in result.stdout + result.stderr
