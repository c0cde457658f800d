"""The page on the architecture: its drawing and the files it names."""

import re
from pathlib import Path

from tests.project.drawing import TARGET, draw

ROOT = Path(__file__).parents[2]
PAGE = ROOT / ".github" / "ARCHITECTURE.md"
NAMED = re.compile(r"`([a-z0-9_/]+\.py)`")


def test_the_drawing_shows_the_present_imports() -> None:
    assert TARGET.read_text() == draw(), "run `make drawing`"


def test_the_files_on_a_requests_and_a_jobs_way_exist() -> None:
    named = NAMED.findall(PAGE.read_text())
    assert len(named) > 20
    assert [path for path in named if not (ROOT / "src/jubilee" / path).is_file()] == []
