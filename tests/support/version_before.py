"""The version before: the commit before the newest migration, from the history of this clone."""

import subprocess
from pathlib import Path

import pytest

from tests.project.migration_locks import scripts

ROOT = Path(__file__).parents[2]
HEAD, BEFORE = scripts()[-1], scripts()[-2]


def unpack_version_before(folder: Path) -> Path:
    """Write its `src` and `migrations` into the folder; skip the test without the history."""
    path = Path(HEAD.path).relative_to(ROOT)
    added = _git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(path)).decode().strip()
    archive = _git("archive", f"{added or 'unknown'}^", "src", "migrations")
    subprocess.run(("tar", "-x", "-C", folder), input=archive, check=True)
    assert not (folder / path).exists()
    return folder


def _git(*arguments: str) -> bytes:
    ended = subprocess.run(("git", "-C", ROOT, *arguments), capture_output=True, check=False)
    if ended.returncode:
        pytest.skip(f"no history of the newest migration: {ended.stderr.decode().strip()}")
    return ended.stdout
