"""The documented task kinds are those of the domain, with the same payloads."""

from collections.abc import Mapping
from typing import Any

import pytest

from jubilee.bootstrap.job_kinds import every_kind
from jubilee.domain.jobs.kinds import Audience, InvalidPayload, JobKind
from jubilee.entrypoints.http.task_kinds import NEW_TASK_EXAMPLES
from tests.http.generated_document import DOCUMENT
from tests.http.references import Json, resolved

TASK = DOCUMENT["components"]["schemas"]["NewTask"]
assert every_kind.__module__  # its import makes every kind a known subclass


def requestable() -> dict[str, type[JobKind[Any, Any]]]:
    """The kinds of this package that an account may create."""
    found = [kind for kind in JobKind.__subclasses__() if kind.__module__.startswith("jubilee.")]
    audiences = {kind: vars(kind)["audience"] for kind in found}
    return {vars(kind)["name"]: kind for kind in found if audiences[kind] is not Audience.INTERNAL}


def read(kind: str, data: Mapping[str, object]) -> object:
    """Validate a payload by the domain's kind, without its collaborators."""
    cls = requestable()[kind]
    return cls.read(object.__new__(cls), data)


def payload(kind: str) -> Json:
    """The schema of `data`."""
    task = resolved({"$ref": TASK["discriminator"]["mapping"][kind]}, DOCUMENT)
    return resolved(task["properties"]["data"], DOCUMENT)


def test_every_kind_that_accounts_may_create_is_documented() -> None:
    assert TASK["discriminator"]["propertyName"] == "kind"
    assert TASK["discriminator"]["mapping"].keys() == requestable().keys()
    assert {branch["$ref"] for branch in TASK["oneOf"]} == set(
        TASK["discriminator"]["mapping"].values()
    )


def test_every_branch_requires_its_kind() -> None:
    for kind, reference in TASK["discriminator"]["mapping"].items():
        branch = resolved({"$ref": reference}, DOCUMENT)
        assert branch["properties"]["kind"]["const"] == kind
        assert {"kind", "data"} <= set(branch["required"])


@pytest.mark.parametrize("kind", NEW_TASK_EXAMPLES)
def test_the_example_of_a_kind_is_a_valid_payload(kind: str) -> None:
    example: Json = NEW_TASK_EXAMPLES[kind]
    assert example["kind"] == kind
    assert read(kind, example["data"]) is not None


@pytest.mark.parametrize("kind", sorted(NEW_TASK_EXAMPLES.keys() - {"echo"}))
def test_required_members_are_required_and_others_refused_by_the_domain(kind: str) -> None:
    example: Json = NEW_TASK_EXAMPLES[kind]["data"]
    schema = payload(kind)
    assert schema["additionalProperties"] is False
    for name in schema["required"]:
        with pytest.raises(InvalidPayload):
            read(kind, {key: value for key, value in example.items() if key != name})
    with pytest.raises(InvalidPayload):
        read(kind, {**example, "unknown": "x"})


def test_the_example_of_a_kind_has_every_member_without_a_default() -> None:
    for kind, example in NEW_TASK_EXAMPLES.items():
        data: Json = example["data"]
        missing = payload(kind).get("properties", {}).keys() - data.keys()
        assert missing <= {"method"}, kind
