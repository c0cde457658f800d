"""Errors that are reported to Sentry, by a local endpoint that speaks its protocol."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from pydantic import SecretStr

from jubilee import __version__
from jubilee.adapters.telemetry.bad_export import BadExport
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.sentry import MAX_PER_MINUTE, MAX_QUEUED_EVENTS, SentryErrors
from jubilee.bootstrap.error_tracking import ADAPTER, error_reporter
from jubilee.bootstrap.errors import BadConfiguration
from jubilee.bootstrap.servers import ServerUrls
from jubilee.bootstrap.telemetry import ProcessInfo, open_telemetry
from jubilee.settings import Settings
from tests.servers import Servers
from tests.support.api import (
    COMMAND,
    NO_REDIS,
    NOWHERE,
    Api,
    Starter,
    bearer,
    run,
    sign_up,
    starter,
)
from tests.support.running import PATIENT, Up, eventually, free_port
from tests.system.live_service import TRAPS
from tests.telemetry.collectors import UNUSABLE_COLLECTORS, silent
from tests.telemetry.envelopes import PROJECT, Envelopes, sentry
from tests.telemetry.memory import Lines

FLUSH_S = 5.0
SPARE_S = 5.0
SECRET = "geheim"


@pytest.fixture
def endpoint() -> Iterator[Envelopes]:
    with sentry() as started:
        yield started


def errors_to(dsn: str, failed: Callable[[], None] = lambda: None) -> SentryErrors:
    about = {"release": "jubilee@1", "environment": "test", "service": "jubilee-api"}
    return SentryErrors(dsn, failed=failed, **about)


def a_line(**fields: str) -> dict[str, str]:
    return {"level": "error", "event": "request failed", "fingerprint": "a", **fields}


def test_an_error_arrives_with_its_release_and_nothing_that_the_sdk_collects(
    endpoint: Envelopes,
) -> None:
    errors = errors_to(endpoint.dsn)
    errors.report(a_line(), RuntimeError(SECRET))
    errors.close(20)
    (event,) = endpoint.events
    assert (event["release"], event["environment"]) == ("jubilee@1", "test")
    assert event["tags"]["service"] == "jubilee-api"
    assert event["sdk"]["integrations"] == []
    assert not {"modules", "extra", "breadcrumbs", "threads"} & set(event)
    assert endpoint.paths == {PROJECT}
    assert SECRET not in endpoint.text


async def test_a_process_reports_its_lines_of_errors_and_no_others(
    endpoint: Envelopes, lines: Lines
) -> None:
    settings = Settings(sentry_dsn=SecretStr(endpoint.dsn))
    process = ProcessInfo("worker", None, lines.logs)
    async with open_telemetry(settings, ServerUrls(NOWHERE, NO_REDIS), process):
        for level in ("info", "warning", "error", "critical"):
            lines.logs.write(f"a line of level {level}", level)
    asyncio.get_running_loop().set_exception_handler(None)
    sent = {(e["logentry"]["message"], e["tags"]["service"]) for e in endpoint.events}
    severe = ("error", "critical")
    assert sent == {(f"a line of level {level}", "jubilee-worker") for level in severe}


def test_of_one_group_a_few_events_are_sent_in_a_minute(
    endpoint: Envelopes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jubilee.adapters.telemetry.sentry.monotonic", lambda: 60.0)
    errors = errors_to(endpoint.dsn)
    for _ in range(MAX_PER_MINUTE + 5):
        errors.report(a_line(), None)
    errors.report(a_line(fingerprint="b"), None)
    errors.close(20)
    groups = [event["fingerprint"][0] for event in endpoint.events]
    assert groups == ["a"] * MAX_PER_MINUTE + ["b"]


def test_a_report_after_the_end_is_ignored(endpoint: Envelopes) -> None:
    errors = errors_to(endpoint.dsn)
    errors.close(1)
    errors.report(a_line(), None)
    assert endpoint.events == []


def test_a_report_that_fails_is_counted_and_raises_nothing(endpoint: Envelopes) -> None:
    lost: list[None] = []
    errors = errors_to(endpoint.dsn, lambda: lost.append(None))
    errors.report({"level": "error"}, None)
    errors.close(1)
    assert len(lost) == 1


def dsn_of(url: str) -> str:
    return f"http://public@{urlsplit(url).netloc}/7"


@pytest.mark.parametrize("collector", UNUSABLE_COLLECTORS.values(), ids=UNUSABLE_COLLECTORS)
def test_an_unreachable_sentry_delays_no_report_and_no_end(
    collector: Callable[[], AbstractContextManager[str]],
) -> None:
    lost: list[None] = []
    with collector() as url:
        errors = errors_to(dsn_of(url), lambda: lost.append(None))
        began = monotonic()
        for number in range(3 * MAX_QUEUED_EVENTS):
            errors.report(a_line(fingerprint=str(number)), None)
        reported = monotonic()
        errors.close(0.5)
    assert reported - began < 60  # its time-out is 10 s, for each of them
    assert monotonic() - reported < 9
    assert lost


BAD_DSNS = ["sentry.example", "https://sentry.example/1", "https://key@/1", "https://key@host"]


@pytest.mark.parametrize("dsn", BAD_DSNS)
def test_a_malformed_dsn_is_refused(dsn: str) -> None:
    with pytest.raises(BadExport, match="SENTRY_DSN: must have the form"):
        errors_to(dsn)


def test_the_api_refuses_a_malformed_dsn_in_one_line(tmp_path: Path) -> None:
    ended = run(tmp_path, "api", DATABASE_URL=NOWHERE, REDIS_URL=NO_REDIS, SENTRY_DSN="geheim")
    assert ended.returncode == 78
    (line,) = ended.stderr.splitlines()
    assert "SENTRY_DSN: must have the form https://key@host/project" in line
    assert SECRET not in ended.stdout + ended.stderr


IMPORTS = """
import os, sys
import jubilee.commands.serving
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.bootstrap.error_tracking import error_reporter
from jubilee.commands.reading import read_settings
instruments = Instruments("1", runs_jobs=False)
assert error_reporter(read_settings(), "api", instruments) is None
print("sentry_sdk" in sys.modules)
os.environ["SENTRY_DSN"] = "https://key@sentry.example/1"
assert error_reporter(read_settings(), "api", instruments) is not None
print("sentry_sdk" in sys.modules)
"""


def test_without_a_dsn_nothing_is_imported(tmp_path: Path) -> None:
    command = (sys.executable, "-c", IMPORTS)
    output = subprocess.check_output(command, cwd=tmp_path, env={}, text=True)
    assert output.split() == ["False", "True"]


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, instruments: Instruments
) -> None:
    monkeypatch.delitem(sys.modules, ADAPTER)
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    settings = Settings(sentry_dsn=SecretStr("https://key@sentry.example/1"))
    with pytest.raises(BadConfiguration, match=r"SENTRY_DSN: install the extra `jubilee\[sentry]`"):
        error_reporter(settings, "api", instruments)


def test_another_missing_module_is_a_bug(
    monkeypatch: pytest.MonkeyPatch, instruments: Instruments
) -> None:
    monkeypatch.setitem(sys.modules, ADAPTER, None)
    settings = Settings(sentry_dsn=SecretStr("https://key@sentry.example/1"))
    with pytest.raises(ModuleNotFoundError, match=ADAPTER):
        error_reporter(settings, "api", instruments)


@pytest.fixture
def start_api(tmp_path: Path) -> Iterator[Starter]:
    yield from starter(tmp_path)


@pytest.fixture
def worker(
    tmp_path: Path, endpoint: Envelopes, servers: Servers, database_url: str
) -> Iterator[Up]:
    started = Up(
        tmp_path / "data",
        tmp_path,
        (*COMMAND, "worker"),
        DATABASE_URL=database_url,
        REDIS_URL=servers.redis_url,
        WORKER_METRICS_PORT=str(free_port()),
        SENTRY_DSN=endpoint.dsn,
        **PATIENT,
    )
    yield started
    started.end()


def fail(api: Api) -> None:
    """Let a request and a job fail, each with a secret in its data and in the error's message."""
    with api.client(timeout=30) as client:
        headers = bearer(sign_up(client, "zoe"))
        item = {"title": f"trapped {SECRET}"}
        assert client.post("/items", json=item, headers=headers).status_code == 500
        task = {"data": {"trap": SECRET}}
        assert client.post("/tasks", json=task, headers=headers).status_code == 202


def by_transaction(endpoint: Envelopes) -> dict[str, dict[str, Any]]:
    return {event["transaction"]: event for event in endpoint.events}


async def test_errors_of_the_api_and_of_a_worker_arrive_without_their_data(
    start_api: Starter, worker: Up, endpoint: Envelopes, servers: Servers, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(TRAPS)
    await connection.close()
    api = start_api(database_url, servers.redis_url, SENTRY_DSN=endpoint.dsn).ready()
    fail(api)
    both = {"POST /items", "process echo"}
    assert eventually(lambda: both <= set(by_transaction(endpoint)), within=60), worker.output
    assert {event["release"] for event in endpoint.events} == {f"jubilee@{__version__}"}
    request = by_transaction(endpoint)["POST /items"]
    assert request["tags"]["service"] == "jubilee-api"
    assert request["fingerprint"][0] in api.output
    assert by_transaction(endpoint)["process echo"]["tags"]["service"] == "jubilee-worker"
    assert {"accept", "user-agent"} <= set(request["request"]["headers"])
    assert not [secret for secret in (SECRET, "zoe@", "Bearer") if secret in endpoint.text]


@pytest.mark.timing(waits=True)
async def test_with_a_silent_sentry_a_failing_request_is_answered_and_the_api_ends_in_time(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    with silent() as url:
        api = start_api(database_url, servers.redis_url, SENTRY_DSN=dsn_of(url)).ready()
        connection = await asyncpg.connect(database_url)
        await connection.execute(TRAPS)
        await connection.close()
        began = monotonic()
        fail(api)
        assert monotonic() - began < 10  # its time-out
        began = monotonic()
        api.process.terminate()
        assert api.process.wait(60) == 0, api.output
        assert monotonic() - began < FLUSH_S + SPARE_S
    assert "urllib3" not in api.output
    assert "sentry" not in api.output
