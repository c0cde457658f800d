"""Redocly and Spectral report nothing about the OpenAPI document."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.clients.node import HERE, tool

pytestmark = pytest.mark.usefixtures("packages")


REDIRECTS = {
    f"#/paths/~1auth~1oidc~1{{provider}}~1{step}/get/responses" for step in ("start", "callback")
}
"""A browser is always sent on by these: they have no answer without an error but 303."""


def redocly(path: Path) -> list[str]:
    """Return the rules that the document breaks, with Redocly's warnings as errors."""
    options = ("--extends", "recommended-strict", "--format", "json", "--max-problems", "1000")
    ended = tool("redocly", "lint", path, *options, cwd=path.parent)
    found: dict[str, Any] = json.loads(ended.stdout)
    assert sum(found["totals"].values()) == len(found["problems"]), ended.stderr
    return [
        problem["ruleId"]
        for problem in found["problems"]
        if problem["ruleId"] != "operation-2xx-response"
        or problem["location"][0]["pointer"] not in REDIRECTS
    ]


def spectral(path: Path) -> list[str]:
    """Return the rules that the document breaks, hints included."""
    options = ("--ruleset", HERE / "spectral.json", "--format", "json", "--quiet")
    ended = tool("spectral", "lint", path, *options, cwd=path.parent)
    assert ended.returncode in {0, 1}, ended.stderr
    return [problem["code"] for problem in json.loads(ended.stdout)]


def test_redocly_has_no_warning(openapi: Path) -> None:
    assert redocly(openapi) == []


def test_spectral_has_no_warning(openapi: Path) -> None:
    assert spectral(openapi) == []


def test_both_linters_report_a_broken_document(openapi: Path, tmp_path: Path) -> None:
    document = json.loads(openapi.read_text())
    operation = document["paths"]["/items"]["get"]
    del operation["description"], operation["summary"]
    document["paths"] = {"/items": {"get": operation}}  # of all others it takes several seconds
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document))
    assert "operation-summary" in redocly(path)
    assert "operation-description" in spectral(path)
