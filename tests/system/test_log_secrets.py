"""No secret of a whole run is in its log lines, spans or metrics."""

import re
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.api import Starter
from tests.support.receiver import Receiver, receiver
from tests.support.running import Up, eventually, free_port
from tests.system.live_service import (
    MarkedClient,
    SecretMarkers,
    run_refusing_mail_server,
    use_everything,
)

IN_SPANS = frozenset({"name in a path", "unknown path", "user agent"})
"""Markers that spans contain by the semantic conventions; log lines never do."""

KEY_TAIL = "-0123456789-0123456789"


@dataclass(frozen=True, slots=True)
class Run:
    """The markers of a run, and its output, metrics and telemetry."""

    markers: SecretMarkers
    output: str
    metrics: str
    sent: Receiver


@pytest.fixture(scope="module", params=["json", "text"])
async def run(request: Any, tmp_path_factory: Any) -> AsyncIterator[Run]:
    """`jubilee up` as in production with every log line and span, until it has ended."""
    at: Path = tmp_path_factory.mktemp("secrets")
    markers, mail, worker = SecretMarkers(), free_port(), free_port()
    with ExitStack() as ends:
        sent = ends.enter_context(receiver())
        ends.enter_context(run_refusing_mail_server(mail, markers("mail password")))
        up = Up(
            at / "data",
            at,
            REQUEST_TIMEOUT="30",
            DATABASE_TIMEOUT="30",
            ENVIRONMENT="production",
            SECRET_KEY=markers("signing key") + KEY_TAIL,
            LOG_FORMAT=request.param,
            LOG_LEVEL="DEBUG",
            SLOW_QUERY_MS="0.001",
            SMTP_URL=f"smtp://zoe:{markers.texts['mail password']}@127.0.0.1:{mail}",
            OUTBOUND_ALLOWED_NETWORKS="127.0.0.0/8",
            METRICS_PORT="0",
            WORKER_METRICS_PORT=str(worker),
            OTEL_EXPORTER_OTLP_ENDPOINT=sent.url,
            OTEL_EXPORTER_OTLP_HEADERS=f"x-key={markers('collector key')}",
        )
        ends.callback(up.end)
        url = f"http://127.0.0.1:{up.ready().port}"
        with httpx2.Client(base_url=url, timeout=60) as client:
            await use_everything(up, MarkedClient(client, markers))
            metrics = client.get("/metrics").text
        metrics += httpx2.get(f"http://127.0.0.1:{worker}/metrics", timeout=60).text
        assert up.interrupt() == 0
        yield Run(markers, up.output, metrics, sent)


def test_check_42_no_log_line_contains_a_marker(run: Run) -> None:
    assert run.markers.names_in(run.output) == set()
    lines = "\n".join(line.body.string_value for line in run.sent.lines)
    assert run.markers.names_in(lines) == set()


def test_no_span_contains_a_marker(run: Run) -> None:
    assert run.markers.names_in(str(run.sent.spans), but=IN_SPANS) == set()
    assert run.markers.names_in(str(run.sent.resources)) == set()


def test_no_metric_contains_a_marker(run: Run) -> None:
    assert run.markers.names_in(run.metrics + str(run.sent.metrics)) == set()


@pytest.mark.parametrize(
    "text",
    [
        "slow statement",
        "request failed",
        "job failed",
        "undeliverable",
        "unreachable",
        "RaiseError",
        "Redis does not answer",
    ],
)
def test_the_run_had_every_event_that_could_leak_a_marker(run: Run, text: str) -> None:
    assert text in run.output
    assert any(text in line.body.string_value for line in run.sent.lines)


def test_spans_of_every_kind_were_sent(run: Run) -> None:
    names = {re.sub(r"\s.*", "", span.name) for span in run.sent.spans}
    assert names >= {"GET", "POST", "process", "send", "INSERT", "SELECT", "COMMIT", "MGET"}
    assert any(span.events for span in run.sent.spans)
    assert all(name in run.metrics for name in ("http_requests_total", "jobs_finished_total"))


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_unreachable_servers_are_logged_without_passwords(
    start_api: Starter, log_format: str
) -> None:
    markers = SecretMarkers()
    api = start_api(
        f"postgresql://ada:{markers('database password')}@127.0.0.1:1/app",
        f"redis://:{markers('redis password')}@127.0.0.1:1/0",
        SMTP_URL=f"smtp://ada:{markers('mail password')}@127.0.0.1:1",
        LOG_FORMAT=log_format,
        LOG_LEVEL="DEBUG",
    ).live()
    assert api.ask("/health/ready").status_code == 503
    assert eventually(lambda: "no answer" in api.output)
    assert api.interrupt() == 0
    assert "PostgreSQL cannot be used" in api.output
    assert markers.names_in(api.output) == set()
