"""The example of the collector: consistent pipelines, and the service's port."""

from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it ships no types

from jubilee.adapters.telemetry.otlp import Signal
from tests.monitoring.debian import ROOT
from tests.monitoring.prometheus import MONITORING

KINDS = ("receivers", "processors", "exporters")


@pytest.fixture(scope="module")
def example() -> Any:
    """The configuration."""
    return yaml.safe_load((MONITORING / "otel-collector.yml").read_text())


def test_every_pipeline_starts_with_the_memory_limiter_and_ends_with_the_batch(
    example: Any,
) -> None:
    pipelines = example["service"]["pipelines"]
    assert set(pipelines) == {signal.value for signal in Signal}
    for pipeline in pipelines.values():
        assert pipeline["processors"][0] == "memory_limiter"
        assert pipeline["processors"][-1] == "batch"


@pytest.mark.parametrize("kind", KINDS)
def test_pipelines_use_exactly_the_configured_components(example: Any, kind: str) -> None:
    named = [part for one in example["service"]["pipelines"].values() for part in one[kind]]
    assert set(named) == set(example[kind])


def test_the_collector_listens_on_the_port_of_the_example_settings(example: Any) -> None:
    (protocols,) = (receiver["protocols"] for receiver in example["receivers"].values())
    assert list(protocols) == ["http"]  # the service speaks no gRPC
    port = protocols["http"]["endpoint"].rpartition(":")[2]
    assert f":{port}\n" in (ROOT / ".env.example").read_text()
