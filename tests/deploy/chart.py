"""What deploy/chart renders to: the objects of each value set in deploy/chart/ci."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml  # type: ignore[import-untyped]  # it ships no types

from tests.deploy.tools import ROOT, run_tool

CHART = ROOT / "deploy/chart"
PROGRAMS = ROOT / "tests/deploy/chart_tools"
DEFAULTS = ""
"""Name of the value set without values."""

Object: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Release:
    """The texts of one value set's templates, by their names, and Helm's remarks."""

    values: Mapping[str, Any]
    install: Mapping[str, str]
    upgrade: Mapping[str, str]
    lint: Sequence[Mapping[str, Any]]

    @property
    def objects(self) -> Sequence[Object]:
        """The objects of an installation."""
        return tuple(objects_of(self.install))

    def all(self, kind: str) -> Sequence[Object]:
        """Return the objects of a kind."""
        return [each for each in self.objects if each["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        """Return the object of this kind and name."""
        (found,) = (each for each in self.all(kind) if each["metadata"]["name"] == name)
        return found

    def pod(self, component: str) -> Object:
        """Return the pod specification of the API or the worker."""
        spec: Object = self.one("Deployment", f"jubilee-{component}")["spec"]["template"]["spec"]
        return spec


def objects_of(templates: Mapping[str, str]) -> Iterator[Object]:
    """Generate the objects in the texts of templates."""
    for name, text in sorted(templates.items()):
        if not name.endswith("NOTES.txt"):
            yield from filter(None, yaml.load_all(text, Loader=yaml.CSafeLoader))


@cache
def releases() -> Mapping[str, Release]:
    """Render every value set once."""
    return {name: Release(**found) for name, found in _rendered().items()}


def render(values: Mapping[str, Any]) -> Release:
    """Render these values."""
    return Release(**_rendered(json.dumps(values)))


def refusal(values: Mapping[str, Any]) -> str:
    """Return the error by which Helm refuses the values; empty if it does not."""
    return str(_rendered(json.dumps(values)).get("error", ""))


def containers(pod: Object) -> Sequence[Object]:
    """Return all containers of a pod specification."""
    return [*pod.get("initContainers", ()), *pod["containers"]]


def pods(release: Release) -> Iterator[Object]:
    """Generate the pod specifications of all objects that have one."""
    for each in release.objects:
        if each["kind"] == "Pod":
            yield each["spec"]
        elif each["kind"] in {"Deployment", "StatefulSet", "Job"}:
            yield each["spec"]["template"]["spec"]


def _rendered(*arguments: str) -> dict[str, Any]:
    ended = run_tool("python", PROGRAMS / "render.py", *arguments)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def value_set_files() -> Sequence[Path]:
    """Return the files of the value sets."""
    return sorted(CHART.glob("ci/*-values.yaml"))
