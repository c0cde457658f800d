"""deploy/chart: Helm, Kubernetes, the operators' definitions and checkov accept what it renders."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.deploy.chart import PROGRAMS, Object, objects_of, releases
from tests.deploy.tools import ROOT, TOOLS, one_process, run_tool
from tests.system.clients.node import install, run

CRDS = ROOT / "tests/deploy/crds"
NODE = TOOLS / "crds"
ROUTE = ROOT / "deploy/bluegreen/httproute.yaml"
KUBERNETES = ("1.27.0", "1.32.0", "1.37.0")
"""The oldest version that Chart.yaml allows, one of today, the newest."""

TYPED = {
    "external-secrets.io": "external-secrets",
    "gateway.networking.k8s.io": "gateway-api",
    "keda.sh": "keda",
    "monitoring.coreos.com": "prometheus-operator",
    "networking.istio.io": "istio",
}
"""Groups of custom resources, and the packages with their types and schemas."""

WRITTEN = ("postgresql.cnpg.io", "barmancloud.cnpg.io")
"""Groups that no package has: crds/cloudnativepg.json."""


@pytest.fixture(scope="module")
def objects() -> Sequence[Object]:
    """Every different object of all value sets, of installations and of upgrades."""
    rendered = [
        found
        for release in releases().values()
        for templates in (release.install, release.upgrade)
        for found in objects_of(templates)
    ]
    rendered += objects_of({"httproute.yaml": ROUTE.read_text()})
    return list({json.dumps(each, sort_keys=True): each for each in rendered}.values())


def _group(found: Object) -> str:
    return str(found["apiVersion"].rpartition("/")[0])


def test_helm_lints_every_value_set_strictly() -> None:
    assert len(releases()) > 12
    assert {name: release.lint for name, release in releases().items() if release.lint} == {}


def test_three_versions_of_kubernetes_know_every_field(objects: Sequence[Object]) -> None:
    program = PROGRAMS / "validate.py"
    ended = run_tool("python", program, *KUBERNETES, given=json.dumps(objects))
    found = json.loads(ended.stdout)
    assert [each for each in found if each[0] != "custom"] == []
    groups = {version.partition("/")[0] for kind, _, _, version in found if kind == "custom"}
    assert groups == {*TYPED, *WRITTEN}


def test_custom_resources_have_the_types_of_their_definitions(objects: Sequence[Object]) -> None:
    with one_process("crds"):
        install(CRDS, NODE)
    typed = [each for each in objects if _group(each) in TYPED]
    program = NODE / f"objects-{os.getpid()}.ts"
    program.write_text(_program(typed))
    compiler = NODE / "node_modules/typescript/bin/tsc"
    options = ("--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext")
    typed_check = run("node", compiler, *options, program, cwd=NODE)
    assert typed_check.returncode == 0, typed_check.stdout
    validated = run("node", program, cwd=NODE)
    assert validated.returncode == 0, validated.stderr
    assert validated.stdout == f"{len(typed)} valid\n"
    program.unlink()


def _program(objects: Sequence[Object]) -> str:
    """A literal may have no field that its type lacks; `validate` then checks values."""
    imports, checks = set(), []
    for each in objects:
        path = f"{TYPED[_group(each)]}/{each['apiVersion']}/{each['kind']}"
        name = "".join(filter(str.isalnum, path))
        imports.add(f'import {{ {each["kind"]} as {name} }} from "@kubernetes-models/{path}";')
        given = {part: each[part] for part in ("metadata", "spec")}
        checks.append(f"new {name}({json.dumps(given)}).validate();")
    return "\n".join([*sorted(imports), *checks, f'console.log("{len(checks)} valid");', ""])


def test_objects_of_cloudnativepg_have_known_fields_alone(
    objects: Sequence[Object], tmp_path: Path
) -> None:
    written = [each for each in objects if _group(each) in WRITTEN]
    paths = [tmp_path / f"{number}.json" for number, _ in enumerate(written)]
    for path, each in zip(paths, written, strict=True):
        path.write_text(json.dumps(each))
    assert {each["kind"] for each in written} >= {"Cluster", "Pooler", "ObjectStore"}
    ended = run_tool("check-jsonschema", "--schemafile", CRDS / "cloudnativepg.json", *paths)
    assert ended.returncode == 0, ended.stdout


def test_checkov_finds_nothing_that_is_not_accepted(
    objects: Sequence[Object], tmp_path: Path
) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    (tmp_path / "objects.json").write_text(json.dumps(listed))
    options = ("--quiet", "--compact", "--skip-download", "--framework", "kubernetes")
    ended = run_tool("checkov", "-d", tmp_path, *options, "--output", "json")
    report = json.loads(ended.stdout)
    found = {each["check_id"] for each in report["results"]["failed_checks"]}
    accepted = json.loads((ROOT / "tests/deploy/accepted_findings.json").read_text())
    assert found == set(accepted)
    assert report["summary"]["resource_count"] > 50
