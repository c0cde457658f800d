"""The README's calls, as printed."""

import json
import re
import subprocess
from pathlib import Path

from tests.support.api import Api

README = Path(__file__).parents[2] / "README.md"
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def calls() -> list[str]:
    """The blocks of shell between the heading of the calls and the next one."""
    section = README.read_text().partition("## Five calls")[2].partition("\n## ")[0]
    return SHELL.findall(section)


def test_the_calls_of_the_readme_work_as_printed(api: Api, tmp_path: Path) -> None:
    printed = "\n".join(calls()).replace("http://127.0.0.1:8000", api.url)
    assert printed.count("curl ") == 5
    script = "set -euo pipefail\n" + printed.replace("curl ", "curl -sS ")
    ended = subprocess.run(
        ("bash", "-c", script),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.findall(r"HTTP/1.1 (\d+)", ended.stdout) == ["204", "201"]
    greeting, account, item = re.findall(r"\{.*?\}", ended.stdout)
    assert json.loads(greeting)["message"].startswith("Hello, Zoe! ")
    assert json.loads(account)["email"] == "ada@example.com"
    assert json.loads(item)["title"] == "Difference engine"
