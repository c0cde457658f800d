"""Nothing that is secret is in what a whole run tells: lines, spans, numbers."""

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
from tests.system.live_service import Talk, Whispers, refusing, tell

IN_SPANS = frozenset({"name in a path", "unknown path", "user agent"})
"""A server's span tells of these, as the conventions want it; a line never does."""

KEY_TAIL = "-0123456789-0123456789"


@dataclass(frozen=True, slots=True)
class Run:
    """What was whispered, and what was told."""

    whispers: Whispers
    output: str
    numbers: str
    sent: Receiver


@pytest.fixture(scope="module", params=["json", "text"])
async def run(request: Any, tmp_path_factory: Any) -> AsyncIterator[Run]:
    """`jubilee up` as in production, as talkative as it can be, until it has ended."""
    at: Path = tmp_path_factory.mktemp("secrets")
    whispers, mail, worker = Whispers(), free_port(), free_port()
    with ExitStack() as ends:
        sent = ends.enter_context(receiver())
        ends.enter_context(refusing(mail, whispers("mail password")))
        up = Up(
            at / "data",
            at,
            ENVIRONMENT="production",
            SECRET_KEY=whispers("signing key") + KEY_TAIL,
            LOG_FORMAT=request.param,
            LOG_LEVEL="DEBUG",
            SLOW_QUERY_MS="0.001",
            SMTP_URL=f"smtp://zoe:{whispers.said['mail password']}@127.0.0.1:{mail}",
            OUTBOUND_ALLOWED_NETWORKS="127.0.0.0/8",
            METRICS_PORT="0",
            WORKER_METRICS_PORT=str(worker),
            OTEL_EXPORTER_OTLP_ENDPOINT=sent.url,
            OTEL_EXPORTER_OTLP_HEADERS=f"x-key={whispers('collector key')}",
        )
        ends.callback(up.end)
        url = f"http://127.0.0.1:{up.ready().port}"
        with httpx2.Client(base_url=url, timeout=20) as client:
            await tell(up, Talk(client, whispers))
            numbers = client.get("/metrics").text
        numbers += httpx2.get(f"http://127.0.0.1:{worker}/metrics").text
        assert up.interrupt() == 0
        yield Run(whispers, up.output, numbers, sent)


def test_no_line_tells_what_was_whispered(run: Run) -> None:
    assert run.whispers.found_in(run.output) == set()
    lines = "\n".join(line.body.string_value for line in run.sent.lines)
    assert run.whispers.found_in(lines) == set()


def test_no_span_tells_it(run: Run) -> None:
    assert run.whispers.found_in(str(run.sent.spans), but=IN_SPANS) == set()
    assert run.whispers.found_in(str(run.sent.resources)) == set()


def test_no_number_has_it_as_a_label(run: Run) -> None:
    assert run.whispers.found_in(run.numbers + str(run.sent.metrics)) == set()


@pytest.mark.parametrize(
    "words",
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
def test_the_run_had_everything_that_might_have_told_it(run: Run, words: str) -> None:
    assert words in run.output
    assert any(words in line.body.string_value for line in run.sent.lines)


def test_spans_of_every_kind_were_sent(run: Run) -> None:
    names = {re.sub(r"\s.*", "", span.name) for span in run.sent.spans}
    assert names >= {"GET", "POST", "process", "send", "INSERT", "SELECT", "COMMIT", "MGET"}
    assert any(span.events for span in run.sent.spans)
    assert all(name in run.numbers for name in ("http_requests_total", "jobs_finished_total"))


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_servers_that_are_away_are_told_of_without_their_passwords(
    start_api: Starter, log_format: str
) -> None:
    whispers = Whispers()
    api = start_api(
        f"postgresql://ada:{whispers('database password')}@127.0.0.1:1/app",
        f"redis://:{whispers('redis password')}@127.0.0.1:1/0",
        SMTP_URL=f"smtp://ada:{whispers('mail password')}@127.0.0.1:1",
        LOG_FORMAT=log_format,
        LOG_LEVEL="DEBUG",
    ).live()
    assert api.ask("/health/ready").status_code == 503
    assert eventually(lambda: "no answer" in api.output, within=20)
    assert api.interrupt() == 0
    assert "PostgreSQL cannot be used" in api.output
    assert whispers.found_in(api.output) == set()
