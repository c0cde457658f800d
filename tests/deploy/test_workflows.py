"""The workflows of .github: valid, least privileged, pinned, and of steps that run here, too."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types
from deploy.pipelines.summary import summary

from tests.deploy.conftest import ROOT
from tests.deploy.tools import run_tool

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
NAMES = [path.stem for path in WORKFLOWS]
USES = re.compile(r"uses: (\S+)@(\S+)(?: # (\S+))?$", re.MULTILINE)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in read(path)["jobs"].values():
        yield from job["steps"]


def commands() -> list[str]:
    return sorted({step["run"] for path in WORKFLOWS for step in steps(path) if "run" in step})


def test_there_are_the_three_workflows() -> None:
    assert NAMES == ["change", "nightly", "release"]


def test_workflows_and_dependabot_follow_their_schemas() -> None:
    for schema, files in (
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [ROOT / ".github/dependabot.yml"]),
    ):
        said = run_tool("check-jsonschema", "--builtin-schema", schema, *files)
        assert said.returncode == 0, said.stdout + said.stderr


def test_zizmor_finds_no_weakness() -> None:
    said = run_tool("zizmor", "--offline", "--no-progress", ".github")
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_jobs_have_few_rights_and_an_end(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 180, name
        assert job["permissions"]["contents"] == "read", name


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_actions_are_pinned_by_hash_with_their_version_beside_it(path: Path) -> None:
    used = USES.findall(path.read_text())
    assert len(used) == path.read_text().count("uses: ")
    for action, commit, version in used:
        assert re.fullmatch(r"[0-9a-f]{40}", commit), action
        assert re.fullmatch(r"v\d+\.\d+\.\d+", version), action


@pytest.mark.parametrize("command", commands())
def test_a_step_is_one_line_that_runs_here_too(command: str) -> None:
    first, *rest = shlex.split(command)
    assert command.strip().count("\n") == 0
    if first == "make":
        assert rest[0] in TARGETS
    elif first == "python3":
        module = ROOT / rest[1].replace(".", "/")
        assert rest[0] == "-m"
        assert module.with_suffix(".py").exists() or (module / "__main__.py").exists()
    else:
        assert (ROOT / first).stat().st_mode & 0o111, first


def test_the_steps_of_the_pipelines_are_there() -> None:
    said = "\n".join(commands())
    for step in (
        *("make lint", "make types", "make coverage", "make fuzz", "make check-deploy"),
        *("make image", "make sbom", "make audit", "scan.sh", "publish.sh", "sign.sh"),
        *("bluegreen pin", "bluegreen release", "greet.sh", "make chaos", "make history"),
    ):
        assert step in said, step


REPORT = """<testsuites><testsuite tests="3" failures="1" errors="0" skipped="1" time="2.5">
<testcase classname="tests.a" name="test_b"><failure message="assert 1 ==
2">long</failure></testcase></testsuite></testsuites>"""


def test_the_summary_counts_tests_and_names_failures(tmp_path: Path) -> None:
    (tmp_path / "embedded.xml").write_text(REPORT)
    said = summary([tmp_path / "embedded.xml", tmp_path / "containers.xml"])
    assert "| embedded | 3 | 1 | 1 | 2 |" in said
    assert "| containers | no report | | | |" in said
    assert "- `tests.a::test_b`: assert 1 == 2" in said
