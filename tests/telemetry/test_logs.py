"""Log lines of a service in production: JSON with the ids of request, job and trace."""

import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import httpx2
import pytest

from tests.servers import Servers, fresh_database
from tests.support.api import COMMAND, Api, bearer, sign_up
from tests.support.running import PATIENT, Up, eventually, free_port

Line: TypeAlias = dict[str, Any]

MARKER = "marker"
SECRET_KEY = "a key of brass, 32 bytes at least: 0123456789"
PRODUCTION = {"ENVIRONMENT": "production", "SECRET_KEY": SECRET_KEY, "LOG_LEVEL": "DEBUG"}
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
FINGERPRINT = re.compile(r"[0-9a-f]{16}")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

TRAPS = """
CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'no room for %', NEW; END $$;
CREATE TRIGGER trap BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION trap();
CREATE TRIGGER trap BEFORE UPDATE ON jobs FOR EACH ROW
    WHEN (NEW.status = 'succeeded' AND NEW.data ? 'trap') EXECUTE FUNCTION trap();
"""


@dataclass(slots=True)
class Story:
    """The requests made, and the lines of the API and of a worker."""

    user_id: str = ""
    tasks: dict[str, str] = field(default_factory=dict)
    api: list[str] = field(default_factory=list)
    worker: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[Line]:
        """All lines."""
        return [json.loads(line) for line in (*self.api, *self.worker)]

    def of(self, request_id: str, event: str) -> Line:
        """Return the first line of this event of the request; a job may be retried."""
        return next(
            line
            for line in self.lines
            if line.get("request_id") == request_id and line["event"] == event
        )


@pytest.fixture(scope="module")
async def story(servers: Servers, migrated: str, tmp_path_factory: Any) -> AsyncIterator[Story]:
    """An API and a worker in production, with requests and failures."""
    at: Path = tmp_path_factory.mktemp("logs")
    async with fresh_database(servers, migrated) as database:
        connection = await asyncpg.connect(database)
        await connection.execute(TRAPS)
        await connection.close()
        with ExitStack() as ends:
            yield run_service(at, database, servers.redis_url, ends)


def run_service(at: Path, database: str, redis: str, ends: ExitStack) -> Story:
    """Start an API and a worker, use them, and stop them."""
    given = {**PRODUCTION, "MAIL_DIR": str(at / "mail"), "WORKER_METRICS_PORT": str(free_port())}
    given["METRICS_PORT"] = "0"
    api = Api(at, database, redis, SMTP_URL=None, **given)
    ends.callback(api.end)
    urls = {"DATABASE_URL": database, "REDIS_URL": redis}
    worker = Up(at / "data", at, (*COMMAND, "worker"), **urls, **given, **PATIENT)
    ends.callback(worker.end)
    story = Story()
    with api.ready().client() as client:
        make_requests(client, story)
    assert eventually(lambda: worker.output.count('"outcome"') >= 3, within=60), worker.output
    for process in (api.process, worker.process):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    story.api, story.worker = api.lines, worker.output.splitlines()
    return story


def make_requests(client: httpx2.Client, story: Story) -> None:
    """Send requests, each with its own request id."""

    def send(name: str, method: str, path: str, **options: Any) -> Any:
        headers = {"X-Request-ID": name, **options.pop("headers", {})}
        return client.request(method, path, headers=headers, **options).json()

    traced = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    send("anonymous", "GET", "/health/live", headers=traced)
    headers = bearer(sign_up(client, "zoe"))
    story.user_id = send("own-account", "GET", "/users/me", headers=headers)["id"]
    for name, data in {"a-task": {}, "failing-task": {"trap": MARKER}}.items():
        form = {"kind": "echo", "data": data}
        story.tasks[name] = send(name, "POST", "/tasks", json=form, headers=headers)["id"]
    send("wait", "GET", f"/tasks/{story.tasks['a-task']}?wait=10", headers=headers)
    for name in ("failing-request", "failing-again"):
        refused = send(name, "POST", "/items", json={"title": MARKER}, headers=headers)
        assert refused["status"] == 500


def test_every_line_is_an_object_with_a_time_a_level_and_an_event(story: Story) -> None:
    assert len(story.api) > 10
    assert len(story.worker) > 4
    for line in story.lines:
        assert list(line)[:3] == ["timestamp", "level", "event"]
        assert TIMESTAMP.fullmatch(line["timestamp"])
        assert line["level"] in {"info", "warning", "error"}


def test_lines_of_uvicorn_have_the_same_format(story: Story) -> None:
    found = {(line.get("logger"), line["event"].split()[0]) for line in story.lines}
    assert ("uvicorn.error", "Started") in found
    assert ("jubilee.entrypoints.worker.process", "draining") in found


def test_a_request_has_one_line_with_its_ids_and_its_user(story: Story) -> None:
    (line,) = (line for line in story.lines if line.get("request_id") == "own-account")
    fields = {name: line[name] for name in ("method", "route", "status", "user_id", "client")}
    assert fields == {
        "method": "GET",
        "route": "/users/me",
        "status": 200,
        "user_id": story.user_id,
        "client": "127.0.0.1",
    }
    assert re.fullmatch("[0-9a-f]{32}", line["trace_id"])
    assert re.fullmatch("[0-9a-f]{16}", line["span_id"])
    assert line["duration_ms"] > 0
    assert line["sent"] > 100


def test_a_request_continues_the_trace_of_its_caller(story: Story) -> None:
    line = story.of("anonymous", "request")
    assert line["trace_id"] == TRACE
    assert line["span_id"] != PARENT
    assert "user_id" not in line


def test_requests_without_a_parent_start_their_own_traces(story: Story) -> None:
    names = ("own-account", "a-task", "wait")
    assert len({story.of(name, "request")["trace_id"] for name in (*names, "anonymous")}) == 4


def test_the_line_of_a_job_has_its_id_and_its_owner(story: Story) -> None:
    line = story.of("a-task", "job")
    assert (line["kind"], line["outcome"], line["attempt"]) == ("echo", "succeeded", 1)
    assert line["job_id"] == story.tasks["a-task"]
    assert line["user_id"] == story.user_id
    assert line["trace_id"] == story.of("a-task", "request")["trace_id"]
    assert line["span_id"] != story.of("a-task", "request")["span_id"]


@pytest.mark.parametrize(
    ("name", "event", "function"),
    [
        ("failing-request", "request failed", "create_item"),
        ("failing-task", "job failed", "_complete"),
    ],
)
def test_an_unexpected_failure_is_logged_without_its_message(
    story: Story, name: str, event: str, function: str
) -> None:
    line = story.of(name, event)
    assert (line["level"], line["error"]) == ("error", "asyncpg.exceptions.RaiseError")
    assert FINGERPRINT.fullmatch(line["fingerprint"])
    assert line["exception"].splitlines()[-1] == "asyncpg.exceptions.RaiseError"
    assert function in line["exception"]
    assert line["user_id"] == story.user_id
    assert line["trace_id"] == story.of(name, "request")["trace_id"]


def test_a_failed_job_is_logged_with_its_id_and_outcome(story: Story) -> None:
    line = story.of("failing-task", "job failed")
    assert (line["job_id"], line["kind"]) == (story.tasks["failing-task"], "echo")
    assert story.of("failing-task", "job")["outcome"] == "retried"


def test_equal_failures_share_a_fingerprint_and_others_do_not(story: Story) -> None:
    names = {
        "failing-request": "request failed",
        "failing-again": "request failed",
        "failing-task": "job failed",
    }
    found = [story.of(name, event)["fingerprint"] for name, event in names.items()]
    assert found[0] == found[1] != found[2]


def test_no_line_contains_data_of_a_request(story: Story) -> None:
    assert not [line for line in (*story.api, *story.worker) if MARKER in line]
