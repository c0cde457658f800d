"""openapi-python-client makes a client that type-checks and works."""

from pathlib import Path

import pytest

from tests.system.clients.node import HERE, run

STORY = HERE / "python_story.py"
# Only the generator's fixed part, which is the same for every document, is not strictly typed.
MYPY = "[mypy]\nstrict = true\n[mypy-jubilee_client.client]\nignore_errors = true\n"


@pytest.fixture(scope="module")
def generated(openapi: Path) -> Path:
    """The folder that holds the package of the client, and the story."""
    folder = openapi.parent
    (folder / "story.py").write_bytes(STORY.read_bytes())
    (folder / "mypy.ini").write_text(MYPY)
    made = ("--path", openapi, "--output-path", folder / "jubilee_client", "--meta", "none")
    ended = run("openapi-python-client", "generate", *made, "--fail-on-warning", cwd=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


def test_the_python_client_is_strictly_typed(generated: Path) -> None:
    ended = run("mypy", "-p", "jubilee_client", "-m", "story", cwd=generated)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_python_client_signs_in_keeps_items_and_runs_a_task(
    generated: Path, service: str
) -> None:
    ended = run("python", "story.py", service, cwd=generated)
    assert ended.returncode == 0, ended.stdout + ended.stderr
