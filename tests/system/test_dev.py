"""`make dev` in a copy of the tree: a changed source file restarts API and worker."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.running import Up, eventually, have_ended

ROOT = Path(__file__).parents[2]
COPIED = ("Makefile", "pyproject.toml", "src", "migrations", "tests/__init__.py", "tests/support")
MAKE_DEV = ("make", "--no-print-directory", "-o", ".venv/dev", "dev")
CHILDREN = ("api", "worker")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the tree with the same environment."""
    folder = tmp_path / "project"
    for name in (*COPIED, "tests/support/outages.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@pytest.fixture
def up(copy: Path) -> Iterator[Up]:
    """`make dev` in the copy."""
    up = Up(copy / "data", copy, MAKE_DEV, PYTHONPATH=str(copy / "src"))
    yield up.ready()
    up.end()


def version(up: Up) -> str:
    """Return the version of the API; empty while it does not answer."""
    try:
        document = httpx2.get(f"http://127.0.0.1:{up.port}/openapi.json", timeout=5).json()
    except httpx2.HTTPError:
        return ""
    return str(document["info"]["version"])


def test_a_changed_source_file_restarts_only_api_and_worker(up: Up, copy: Path) -> None:
    before, pids = dict(up.run.pids), up.pids
    (copy / "src/jubilee/__init__.py").write_text('"""Changed."""\n\n__version__ = "7.7.7"\n')
    assert eventually(lambda: version(up) == "7.7.7"), up.output
    after = dict(up.run.pids)
    assert {name for name in before if before[name] != after[name]} == set(CHILDREN)
    pids |= up.pids
    up.interrupt()
    assert have_ended(pids, within=30)
    assert "Traceback" not in up.output
