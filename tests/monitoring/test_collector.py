"""The collector's example: its parts fit together, and it listens where the service sends."""

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


def test_every_signal_has_a_pipeline_that_guards_its_memory_first_and_batches_last(
    example: Any,
) -> None:
    pipelines = example["service"]["pipelines"]
    assert set(pipelines) == {signal.value for signal in Signal}
    for pipeline in pipelines.values():
        assert pipeline["processors"][0] == "memory_limiter"
        assert pipeline["processors"][-1] == "batch"


@pytest.mark.parametrize("kind", KINDS)
def test_pipelines_name_what_is_configured_and_leave_nothing_out(example: Any, kind: str) -> None:
    named = [part for one in example["service"]["pipelines"].values() for part in one[kind]]
    assert set(named) == set(example[kind])


def test_it_listens_at_the_port_of_the_example_settings(example: Any) -> None:
    (protocols,) = (receiver["protocols"] for receiver in example["receivers"].values())
    assert list(protocols) == ["http"]  # the service speaks no gRPC
    port = protocols["http"]["endpoint"].rpartition(":")[2]
    assert f":{port}\n" in (ROOT / ".env.example").read_text()
