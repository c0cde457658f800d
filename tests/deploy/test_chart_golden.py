"""Files that follow from deploy/chart: its renders for every value set, and the plain manifests."""

import yaml  # type: ignore[import-untyped]  # it ships no types

from tests.deploy import golden, manifests


def test_the_renders_are_those_that_were_reviewed() -> None:
    reviewed = {path.name: path.read_text() for path in golden.FOLDER.glob("*.yaml")}
    rendered = golden.renders()
    changed = [
        name for name in {**reviewed, **rendered} if reviewed.get(name) != rendered.get(name)
    ]
    assert changed == [], "look at the difference that `make chart` makes, and commit it"
    assert len(rendered) > 12


def test_the_plain_manifests_are_current() -> None:
    assert manifests.FILE.read_text() == manifests.text(), "say: make manifests"


def test_the_plain_manifests_begin_with_the_namespace_and_have_no_hook() -> None:
    objects = list(yaml.safe_load_all(manifests.FILE.read_text()))
    assert objects[0]["kind"] == "Namespace"
    assert objects[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    found = {(each["kind"], each["metadata"]["name"]) for each in objects}
    assert {("Deployment", "jubilee-api"), ("Deployment", "jubilee-worker")} <= found
    assert not [each for each in objects if "annotations" in each["metadata"]]
