"""deploy/skaffold.yaml: what it names is there, and what it copies is what the image has."""

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from tests.deploy.chart import releases
from tests.deploy.tools import ROOT

DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def config() -> Any:
    """The file."""
    return yaml.safe_load((DEPLOY / "skaffold.yaml").read_text())


def test_every_file_that_it_names_is_there(config: Any) -> None:
    (artifact,) = config["build"]["artifacts"]
    (release,) = config["deploy"]["helm"]["releases"]
    context = DEPLOY / artifact["context"]
    named = [
        context / artifact["docker"]["dockerfile"],
        DEPLOY / release["chartPath"] / "Chart.yaml",
        *(DEPLOY / each for each in release["valuesFiles"]),
        *(DEPLOY / each for each in config["manifests"]["rawYaml"]),
    ]
    assert [path for path in named if not path.is_file()] == []


def test_a_changed_source_goes_where_the_pods_take_sources_from(config: Any) -> None:
    (artifact,) = config["build"]["artifacts"]
    (rule,) = artifact["sync"]["manual"]
    assert list(ROOT.glob(rule["src"]))
    copied = Path(rule["dest"]) / Path(rule["src"].split("*")[0]).relative_to(rule["strip"])
    for component in ("api", "worker"):
        (container,) = releases()["local"].pod(component)["containers"]
        assert f"PYTHONPATH={copied.parent}\n" in container["args"][0]
        writable = [each["mountPath"] for each in container["volumeMounts"]]
        assert "/tmp" in writable


def test_the_release_is_the_image_that_it_builds_and_the_database_that_it_starts(
    config: Any,
) -> None:
    (artifact,) = config["build"]["artifacts"]
    (release,) = config["deploy"]["helm"]["releases"]
    assert release["setValueTemplates"]["image.repository"].endswith(f"_{artifact['image']}}}}}")
    objects = yaml.safe_load_all((DEPLOY / "skaffold/postgres.yaml").read_text())
    service = next(each for each in objects if each["kind"] == "Service")
    secret = releases()["local"].one("Secret", "jubilee")["stringData"]
    assert f"@{service['metadata']['name']}:5432/" in secret["DATABASE_URL"]
    (forward,) = config["portForward"]
    assert releases()["local"].one("Service", forward["resourceName"])
