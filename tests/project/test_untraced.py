"""What tests measure of coverage, in a run of a small project."""

import subprocess
import sys
from pathlib import Path

from coverage import CoverageData

ROOT = Path(__file__).parents[2]
KILLED = """
import os
pytest_plugins = ["tests.untraced"]

def pytest_unconfigure():
    os._exit(0)
"""


def test_coverage_is_saved_before_the_process_may_be_killed(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(KILLED)
    (tmp_path / "measured.py").write_text("ANSWER = 42\n")
    (tmp_path / "test_it.py").write_text(
        "from measured import ANSWER\n\ndef test_it():\n    assert ANSWER\n"
    )
    pytest = ("pytest", "-q", "-p", "no:cacheprovider")
    subprocess.run(
        (sys.executable, "-m", "coverage", "run", "--source=.", "-m", *pytest),
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=True,
        timeout=300,
    )
    data = CoverageData(str(tmp_path / ".coverage"))
    data.read()
    assert str(tmp_path / "measured.py") in data.measured_files()
