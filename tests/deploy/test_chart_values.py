"""deploy/chart: its values, their schema, their comments, and the settings of the service."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from jubilee import __version__
from jubilee.settings import Settings
from jubilee.settings.secret_files import secret_variables
from jubilee.settings.variables import variable_names
from tests.deploy import chart_readme
from tests.deploy.chart import CHART, refusal, releases

SCHEMA: Mapping[str, Any] = json.loads((CHART / "values.schema.json").read_text())
REFERENCE = re.compile(r"\.Values((?:\.[A-Za-z0-9]+)+)")
NAMES = {name for group in variable_names(Settings.model_fields).values() for name in group}
BOTH = ["REDIS_PASSWORD", "REDIS_URL"]
SECRETS = {name for files in secret_variables(Settings.model_fields) for name in files}


def _leaves(schema: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Generate the paths of the values that have no named parts."""
    parts = schema.get("properties", {})
    if not parts:
        yield at.removeprefix(".")
    for name, part in parts.items():
        yield from _leaves(part, f"{at}.{name}")


def _used() -> set[str]:
    """Return the paths of the values that templates read; a setting is part of `settings`."""
    texts = [path.read_text() for path in CHART.glob("templates/**/*") if path.is_file()]
    paths = {found.removeprefix(".") for text in texts for found in REFERENCE.findall(text)}
    return {re.sub(r"^settings\..*", "settings", path) for path in paths}


def test_every_value_of_the_schema_is_used_and_every_used_one_is_in_it() -> None:
    assert _used() == set(_leaves(SCHEMA))


def test_every_value_has_a_default_and_the_schema_allows_no_other() -> None:
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    for path in _leaves(SCHEMA):
        value: Any = defaults
        for part in path.split("."):
            value = value[part]
    closed = [part for part in _objects(SCHEMA) if part.get("additionalProperties") is not False]
    assert closed == []


def _objects(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "properties" in schema:
        yield schema
        for part in schema["properties"].values():
            yield from _objects(part)


def test_every_setting_that_a_value_set_names_is_one_of_the_service() -> None:
    given = {name for release in releases().values() for name in _settings(release)}
    known = {*NAMES, *(name for name in given if name.startswith("OTEL_"))}
    assert {"PORT", "TRUSTED_PROXIES", "POSTGRES_SERVER", "REDIS_HOST"} <= given <= known


def _settings(release: Any) -> Iterator[str]:
    for each in release.all("ConfigMap"):
        if "ENVIRONMENT" in each["data"]:
            yield from each["data"]


def test_a_setting_reads_as_it_was_written() -> None:
    data = releases()["load-balancer"].one("ConfigMap", "jubilee")["data"]
    names = ("MAX_BODY_BYTES", "OTLP_LOGS_SAMPLED", "OTEL_TRACES_SAMPLER_ARG", "DRAIN_DELAY")
    assert [data[name] for name in names] == ["2000000", "true", "0.05", "12.5"]


def test_every_secret_that_a_value_set_names_is_one_of_the_service() -> None:
    for name, release in releases().items():
        given = release.values.get("secrets", {})
        assert {*given.get("keys", ()), *given.get("values", ())} <= SECRETS, name


def test_no_secret_may_be_among_the_settings_and_any_other_setting_may() -> None:
    forbidden = re.compile(SCHEMA["properties"]["settings"]["propertyNames"]["not"]["pattern"])
    assert {name for name in NAMES if forbidden.search(name)} == SECRETS
    assert all(forbidden.search(f"{name}_FILE") for name in SECRETS)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"settings": {"SECRET_KEY": "x" * 40}}, "SECRET_KEY"),
        ({"api": {"replicas": 0}}, "replicas"),
        ({"api": {"replica": 3}}, "replica"),
        ({"image": {"digest": "latest"}}, "digest"),
        ({"api": {"resources": {"limits": {"memory": "384"}}}}, "memory"),
        ({"exposure": {"type": "route"}}, "exposure"),
        ({"serviceAccount": {"roleArn": "jubilee"}}, "roleArn"),
        ({"postgres": {"mode": "cloudnativepg"}}, "DATABASE_URL"),
        (
            {"postgres": {"mode": "cloudnativepg", "instances": 1}, "secrets": {"keys": ["X"]}},
            "synchronousStandbys",
        ),
        ({"redis": {"mode": "single"}}, "REDIS_PASSWORD"),
        ({"redis": {"mode": "single"}, "secrets": {"keys": BOTH}}, "REDIS_URL"),
        ({"redis": {"mode": "sentinel"}, "secrets": {"keys": BOTH[:1]}}, "REDIS_URL"),
        ({"api": {"autoscaling": {"minReplicas": 11}}}, "minReplicas"),
        ({"worker": {"autoscaling": {"maxReplicas": 1}}}, "maxReplicas"),
        ({"priorityClass": {"create": True}}, "priorityClass.name"),
    ],
)
def test_helm_refuses_what_cannot_be_meant(values: dict[str, Any], named: str) -> None:
    assert named in refusal(values)


def test_the_chart_has_the_version_of_the_service() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__


def test_every_value_has_a_comment() -> None:
    assert {path for path, _, _ in chart_readme.commented_values()} == set(_leaves(SCHEMA))


def test_the_readme_is_made_from_the_comments_of_the_values() -> None:
    assert (CHART / "README.md").read_text() == chart_readme.text(), "say: make chart"
