"""deploy/terraform: formatted, without a known weakness, its inputs given, used and validated.

No provider can be had here, so that nothing is planned; the README of the folder says so.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.conftest import ROOT
from tests.deploy.tools import run_tool

FOLDER = ROOT / "deploy/terraform"
MODULES = sorted(path.name for path in (FOLDER / "modules").iterdir())
ENVIRONMENTS = ("production", "staging")
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
GOOD: dict[str, Any] = {
    "name": "jubilee-test",
    "region": "eu-central-1",
    "zones": ["a", "b", "c"],
    "kms_key_arn": KEY,
    "vpc_id": "vpc-1",
    "subnet_ids": ["subnet-1", "subnet-2", "subnet-3"],
    "client_security_group_id": "sg-1",
    "kubernetes_version": "1.34",
    "instance_types": ["m7g.large"],
    "nodes": {"min": 3, "max": 6},
    "instance_class": "db.m7g.large",
    "storage_gib": 100,
    "node_type": "cache.t4g.small",
    "password": "p" * 32,
    "oidc": {"issuer": "oidc.example/1", "provider_arn": "arn:aws:iam::1:oidc-provider/1"},
    "secret_arns": ["arn:aws:secretsmanager:eu-central-1:1:secret:a"],
    "zone_name": "example.com",
    "zone_arn": "arn:aws:route53:::hostedzone/Z1",
    "host": "api.example.com",
    "monthly_usd": 100,
    "mail": "a@example.com",
}
BAD: list[tuple[str, str, Any]] = [
    ("network", "name", "Jubilee"),
    ("network", "cidr", "10.0.0.0/24"),
    ("network", "zones", ["a", "a", "b"]),
    ("network", "nat_gateways", 2),
    ("network", "kms_key_arn", "key"),
    ("cluster", "subnet_ids", ["one"]),
    ("cluster", "kubernetes_version", "latest"),
    ("cluster", "nodes", {"min": 1, "max": 2}),
    ("database", "instance_class", "m7g.large"),
    ("database", "storage_gib", 1),
    ("database", "replicas", 6),
    ("database", "backup_days", 1),
    ("database", "max_connections", 50),
    ("cache", "node_type", "t4g.small"),
    ("cache", "password", "short"),
    ("identity", "zone_arn", "arn:aws:route53:::hostedzone/*"),
    ("identity", "oidc", {"issuer": "https://oidc.example", "provider_arn": "arn"}),
    ("identity", "secret_arns", ["arn:aws:secretsmanager:eu-central-1:1:secret:*"]),
    ("edge", "host", "API.example.com"),
    ("budget", "monthly_usd", 0),
    ("budget", "mail", "nobody"),
]


@pytest.fixture(scope="session")
def parsed() -> dict[str, dict[str, Any]]:
    """Each file by its path."""
    said = run_tool("python", ROOT / "tests/deploy/hcl_dump.py", FOLDER)
    assert said.returncode == 0, said.stderr
    found: dict[str, dict[str, Any]] = json.loads(said.stdout)
    return found


def inputs(parsed: dict[str, dict[str, Any]], module: str) -> dict[str, dict[str, Any]]:
    """The variables of a module."""
    listed = parsed[f"modules/{module}/variables.tf"]["variable"]
    return {name: of for variable in listed for name, of in variable.items()}


def outputs(parsed: dict[str, dict[str, Any]], module: str) -> set[str]:
    return {name for one in parsed[f"modules/{module}/outputs.tf"]["output"] for name in one}


def calls(parsed: dict[str, dict[str, Any]], environment: str) -> dict[str, dict[str, Any]]:
    """The modules that an environment uses, with what it gives them."""
    listed = parsed[f"environments/{environment}/main.tf"]["module"]
    return {name: of for module in listed for name, of in module.items()}


def test_it_is_formatted() -> None:
    if shutil.which("terraform") is None:
        pytest.skip("there is no terraform on the PATH")
    command = ("terraform", "fmt", "-check", "-diff", "-recursive", FOLDER)
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


def test_checkov_finds_no_weakness_that_is_not_explained() -> None:
    options = ("--compact", "--quiet", "--skip-download", "--framework", "terraform")
    said = run_tool("checkov", "--directory", FOLDER, *options)
    assert said.returncode == 0, said.stdout
    text = "".join(path.read_text() for path in FOLDER.rglob("*.tf"))
    assert len(re.findall(r"checkov:skip=CKV\w+: \w", text)) == text.count("checkov:skip")


@pytest.mark.parametrize("module", MODULES)
def test_an_input_is_used_described_and_of_a_type(
    parsed: dict[str, dict[str, Any]], module: str
) -> None:
    files = (FOLDER / f"modules/{module}").glob("*.tf")
    body = "".join(path.read_text() for path in files if path.name != "variables.tf")
    for name, variable in inputs(parsed, module).items():
        assert re.search(rf"\bvar\.{name}\b", body), name
        assert variable["description"], name
        assert variable["type"], name


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_gives_each_module_its_inputs(
    parsed: dict[str, dict[str, Any]], environment: str
) -> None:
    used = calls(parsed, environment)
    assert sorted(used) == MODULES
    for name, given in used.items():
        known = inputs(parsed, name)
        required = {one for one, variable in known.items() if "default" not in variable}
        given_names = {key for key in given if key != "source" and not key.startswith("__")}
        assert required <= given_names <= set(known), name


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_outputs_that_are_used_exist_and_all_are_used(
    parsed: dict[str, dict[str, Any]], environment: str
) -> None:
    at = FOLDER / "environments" / environment
    text = (at / "main.tf").read_text() + (at / "outputs.tf").read_text()
    found = set(re.findall(r"module\.(\w+)\.(\w+)", text))
    assert found == {(module, name) for module in MODULES for name in outputs(parsed, module)}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_state_is_shared_locked_and_its_own(environment: str) -> None:
    text = (FOLDER / f"environments/{environment}/main.tf").read_text()
    assert re.search(r"use_lockfile = true", text)
    assert f'"{environment}.tfstate"' in text


def test_the_chart_knows_the_values_of_the_output() -> None:
    schema = json.loads((ROOT / "deploy/chart/values.schema.json").read_text())["properties"]
    assert "repository" in schema["image"]["properties"]
    assert "host" in schema["exposure"]["properties"]
    assert {"source", "keys", "external"} <= set(schema["secrets"]["properties"])
    assert "remoteKey" in schema["secrets"]["properties"]["external"]["properties"]


@pytest.mark.parametrize("module", sorted({module for module, _, _ in BAD}))
def test_wrong_inputs_are_refused(
    parsed: dict[str, dict[str, Any]], tmp_path: Path, module: str
) -> None:
    """By `terraform test` on the variables alone, which needs no provider."""
    if shutil.which("terraform") is None:
        pytest.skip("there is no terraform on the PATH")
    shutil.copy(FOLDER / f"modules/{module}/variables.tf", tmp_path)
    known = inputs(parsed, module)
    good = {name: value for name, value in GOOD.items() if name in known}
    lines = [f"variables {{\n{assigned(good)}\n}}", 'run "good" {\n  command = plan\n}']
    for _, name, value in (one for one in BAD if one[0] == module):
        wrong = f"  variables {{\n{assigned({name: value})}\n  }}\n  expect_failures = [var.{name}]"
        lines.append(f'run "bad_{name}" {{\n  command = plan\n{wrong}\n}}')
    (tmp_path / "inputs.tftest.hcl").write_text("\n".join(lines))
    said = [terraform(tmp_path, *command) for command in (("init", "-backend=false"), ("test",))]
    assert f"{len(lines) - 1} passed, 0 failed" in said[-1]


def terraform(at: Path, *arguments: str) -> str:
    command = ("terraform", *arguments, "-no-color")
    said = subprocess.run(command, cwd=at, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


def assigned(values: dict[str, Any]) -> str:
    return "\n".join(f"    {name} = {json.dumps(value)}" for name, value in values.items())


def test_each_rule_of_an_input_has_a_wrong_value(parsed: dict[str, dict[str, Any]]) -> None:
    tried = {(module, name) for module, name, _ in BAD}
    shared = {"name", "kms_key_arn", "subnet_ids"}  # the same rule in several modules
    for module in MODULES:
        for name, variable in inputs(parsed, module).items():
            if "validation" in variable and name not in shared:
                assert (module, name) in tried
