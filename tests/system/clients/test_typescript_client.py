"""openapi-typescript and openapi-fetch make a client that type-checks and works."""

from pathlib import Path

import pytest

from tests.system.clients.node import HERE, PACKAGES, run, tool

FILES = {"story.ts": "typescript_story.ts", "tsconfig.json": "tsconfig.json"}


@pytest.fixture(scope="module")
def generated(packages: None, openapi: Path) -> Path:
    """The folder that holds the types of the document, and the story."""
    folder = openapi.parent
    for name, source in FILES.items():
        (folder / name).write_bytes((HERE / source).read_bytes())
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(PACKAGES / "node_modules")
    ended = tool("openapi-typescript", openapi, "-o", folder / "jubilee.ts", cwd=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


def test_the_typescript_client_is_strictly_typed(generated: Path) -> None:
    ended = tool("tsc", "--project", generated, cwd=generated)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_typescript_client_signs_in_keeps_items_and_runs_a_task(
    generated: Path, service: str
) -> None:
    ended = run("node", "story.ts", service, cwd=generated)
    assert ended.returncode == 0, ended.stdout + ended.stderr
