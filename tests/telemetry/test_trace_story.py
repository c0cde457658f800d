"""Traces of a real service: one connected trace from a request to its effects."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest
from redis import Redis

from jubilee import __version__
from tests.servers import Servers, copy_data
from tests.support.api import PASSWORD, Api, bearer, run, sign_in
from tests.support.receiver import receiver
from tests.support.running import eventually
from tests.telemetry.story import Story, serve_with_telemetry, tree, under, webhook_server

CALLER = "b7ad6b7169203331"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, prepared_data: Path) -> Iterator[Story]:
    at = tmp_path_factory.mktemp("story")
    copy_data(prepared_data, at / "data")
    with serve_with_telemetry(at) as story:
        yield story


KINDS = {
    ("POST /users", "server", "jubilee-api"),
    ("INSERT users", "client", "jubilee-api"),
    ("send email.welcome", "producer", "jubilee-api"),
    ("process email.welcome", "consumer", "jubilee-worker"),
    ("send mail", "client", "jubilee-worker"),
}
"""Name, kind and service of spans of a registration."""


def caller() -> tuple[str, str]:
    """Return the trace id of a caller and its traceparent header."""
    trace_id = token_hex(16)
    return trace_id, f"00-{trace_id}-{CALLER}-01"


def test_a_registration_and_its_welcome_mail_are_one_trace(story: Story) -> None:
    form = {"email": "ada@example.com", "username": "ada", "password": PASSWORD}
    answer = story.client.post("/users", json=form, headers={"X-Request-ID": "story-1"})
    assert answer.status_code == 201
    ends = ("POST /users", "process email.welcome")
    spans = story.spans(story.trace_of("story-1"), *ends)
    assert tree(spans) == sorted(
        [
            *under("POST /users", "BEGIN", "INSERT users", "INSERT birthdays"),
            *under("POST /users", "DELETE birthdays", "INSERT birthdays"),
            *under("POST /users", "send email.welcome", "INSERT audit_entries", "COMMIT"),
            *under("send email.welcome", "INSERT jobs", "process email.welcome"),
            *under("process email.welcome", "SELECT users", "send mail"),
        ]
    )
    assert {(span.name, span.kind, span.service) for span in spans} >= KINDS
    found = next(span for span in spans if span.name == "POST /users").attributes
    assert (found["http.route"], found["http.response.status_code"]) == ("/users", 201)
    assert not any(span.failed for span in spans)
    assert "ada" not in str([span.attributes for span in spans])


def test_a_trace_continues_to_another_server(story: Story) -> None:
    trace_id, header = caller()
    with webhook_server() as found:
        url = f"http://127.0.0.1:{found.port}/secret/path?token=secret"
        task = {"kind": "http.request", "data": {"url": url, "body": "secret"}}
        story.client.post("/tasks", json=task, headers={**story.headers, "traceparent": header})
        spans = story.spans(trace_id, "POST /tasks", "process http.request")
    branches = tree(spans, above=CALLER)
    assert {
        *under("POST /tasks", "send http.request"),
        *under("send http.request", "WITH jobs", "process http.request"),
        *under("process http.request", "POST"),
    } <= set(branches)
    (sent,) = (span for span in spans if span.name == "POST")
    (arrived,) = found.requests
    assert arrived["traceparent"].split("-")[1:3] == [trace_id, sent.span_id]
    assert (sent.kind, sent.attributes["http.response.status_code"]) == ("client", 200)
    assert "secret" not in str([span.attributes for span in spans])


def test_a_trace_survives_the_loss_of_redis(story: Story) -> None:
    trace_id, header = caller()
    due = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    story.client.post(
        "/tasks",
        json={"data": {"n": 1}, "run_at": due},
        headers={**story.headers, "traceparent": header},
    ).raise_for_status()
    with Redis.from_url(story.up.run.redis_url or "") as redis:
        redis.flushall()
    spans = story.spans(trace_id, "POST /tasks", "process echo")
    assert set(under("send echo", "process echo")) <= set(tree(spans, above=CALLER))
    (job,) = (span for span in spans if span.name == "process echo")
    assert job.attributes["jubilee.job.outcome"] == "succeeded"


def test_an_invalid_traceparent_is_ignored(story: Story) -> None:
    headers = {"traceparent": f"00-{'z' * 32}-{CALLER}-01", "X-Request-ID": "story-2"}
    assert story.client.get("/hello/unknown", headers=headers).status_code == 404
    spans = story.spans(story.trace_of("story-2"), "GET /hello/{username}")
    assert set(tree(spans)) == set(under("GET /hello/{username}", "SELECT birthdays"))


def test_pipelined_requests_have_their_own_traces(
    story: Story,
) -> None:
    callers = [caller() for _ in range(4)]
    request = "GET /hello/unknown HTTP/1.1\r\nHost: x\r\ntraceparent: {}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", story.up.port), timeout=10) as connection:
        connection.sendall("".join(request.format(header) for _, header in callers).encode())
        for trace_id, _ in callers:
            (server,) = (
                span
                for span in story.spans(trace_id, "GET /hello/{username}")
                if span.name == "GET /hello/{username}"
            )
            assert (server.kind, server.parent_id) == ("server", CALLER)


def test_the_spans_of_todays_list_include_its_cache(story: Story) -> None:
    trace_id, header = caller()
    admin = add_admin(story)
    answer = story.client.get("/birthdays/today", headers={**admin, "traceparent": header})
    assert answer.status_code == 200
    spans = story.spans(trace_id, "GET /birthdays/today")
    assert set(tree(spans, above=CALLER)) >= set(under("GET /birthdays/today", "MGET", "EVAL"))
    redis = next(span for span in spans if span.name == "MGET")
    assert redis.attributes["db.system.name"] == "redis"


def add_admin(story: Story) -> dict[str, str]:
    """Create an admin and return their headers."""
    arguments = ("--email", "boss@example.com", "--username", "boss", "--password-stdin")
    env = {"DATABASE_URL": story.up.run.database_url, "REDIS_URL": story.up.run.redis_url}
    created = run(story.up.data.parent, "admin", "create", *arguments, stdin=PASSWORD + "\n", **env)
    assert created.returncode == 0, created.stderr
    return bearer(sign_in(story.client, "boss"))


def test_metrics_arrive_under_their_prometheus_and_conventional_names(
    story: Story,
) -> None:
    text = story.client.get("/metrics").text
    exposed = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert "http_requests_total" in exposed
    wanted = exposed | {"http.server.request.duration", "db.client.operation.duration"}
    assert eventually(lambda: wanted <= set(story.received.metrics), within=20), wanted - set(
        story.received.metrics
    )
    # The worker sends its own metrics, which the API does not expose.
    assert {"jobs_running", "workers_alive"} <= set(story.received.metrics) - exposed


def test_lines_arrive_with_their_trace_ids(story: Story) -> None:
    trace_id, header = caller()
    task = {"data": {"n": 2}}
    headers = {**story.headers, "traceparent": header}
    story.client.post("/tasks", json=task, headers=headers).raise_for_status()

    def events() -> set[str]:
        lines = [line for line in story.received.lines if line.trace_id.hex() == trace_id]
        return {json.loads(line.body.string_value)["event"] for line in lines}

    assert eventually(lambda: events() == {"request", "job"}, within=20), events()
    ids = {span.span_id for span in story.spans(trace_id, "POST /tasks", "process echo")}
    for line in story.received.lines:
        assert line.trace_id.hex() != trace_id or line.span_id.hex() in ids


def test_everything_says_who_sent_it(story: Story) -> None:
    assert eventually(lambda: len({r["service.name"] for r in story.received.resources}) == 2)
    for attributes in story.received.resources:
        assert attributes["service.name"] in {"jubilee-api", "jubilee-worker"}
        assert attributes["service.version"] == __version__
        assert attributes["deployment.environment.name"] == "development"
    names = {(r["service.instance.id"], r["service.name"]) for r in story.received.resources}
    assert len(names) == 2


def test_otel_variables_of_an_env_file_are_used(
    tmp_path: Path, servers: Servers, database_url: str
) -> None:
    with receiver() as received, ExitStack() as ends:
        (tmp_path / ".env").write_text(
            f"OTEL_EXPORTER_OTLP_ENDPOINT={received.url}\n"
            "OTEL_EXPORTER_OTLP_HEADERS=x-team=moon\n"
            "OTEL_SERVICE_NAME=party\n"
            "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=moon,team=a\n"
            "OTEL_TRACES_EXPORTER=none\n"
        )
        api = Api(tmp_path, database_url, servers.redis_url, OTEL_LOGS_EXPORTER="none")
        ends.callback(api.end)
        api.ready().process.terminate()
        assert api.process.wait(60) == 0
    assert {attributes["service.name"] for attributes in received.resources} == {"party"}
    assert received.resources[0]["deployment.environment.name"] == "moon"
    assert received.resources[0]["team"] == "a"
    assert received.headers[0]["x-team"] == "moon"
    assert received.metrics
    assert (received.spans, received.lines) == ([], [])
