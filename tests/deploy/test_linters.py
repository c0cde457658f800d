"""Linters of what is delivered beside the code; no engine is needed."""

import subprocess
import sys
from pathlib import Path

from tests.deploy.conftest import ROOT

BIN = Path(sys.executable).parent


def _tracked(*patterns: str) -> list[str]:
    listed = subprocess.check_output(("git", "ls-files", "--", *patterns), cwd=ROOT, text=True)
    return listed.split()


def _said(tool: str, *arguments: str) -> str:
    ended = subprocess.run(
        (BIN / tool, *arguments), cwd=ROOT, capture_output=True, text=True, check=False
    )
    return ended.stdout + ended.stderr


def test_hadolint_has_nothing_to_say_of_any_containerfile() -> None:
    files = _tracked("*Containerfile")
    assert "Containerfile" in files
    assert _said("hadolint", *files) == ""


def test_shellcheck_has_nothing_to_say_of_any_script() -> None:
    scripts = [
        name
        for name in _tracked("deploy", ".ci", "*.sh")
        if (ROOT / name).is_file()  # deploy/chart has links to folders
        and (ROOT / name).read_bytes().startswith((b"#!/usr/bin/env bash", b"#!/bin/sh"))
    ]
    assert "deploy/image/build.sh" in scripts
    assert _said("shellcheck", "--external-sources", *scripts) == ""
