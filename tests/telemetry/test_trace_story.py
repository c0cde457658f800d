"""What a real service tells a real receiver: one connected trace from a request to its effects."""

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
from tests.servers import Servers
from tests.support.api import PASSWORD, Api, bearer, run, sign_in
from tests.support.receiver import receiver
from tests.support.running import eventually
from tests.telemetry.story import Story, hooks, telling, tree, under

CALLER = "b7ad6b7169203331"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with telling(tmp_path_factory.mktemp("story")) as told:
        yield told


def caller() -> tuple[str, str]:
    """A trace of somebody else's, and its header."""
    trace_id = token_hex(16)
    return trace_id, f"00-{trace_id}-{CALLER}-01"


def test_an_account_and_its_welcome_are_one_trace(story: Story) -> None:
    form = {"email": "ada@example.com", "username": "ada", "password": PASSWORD}
    answer = story.client.post("/users", json=form, headers={"X-Request-ID": "story-1"})
    assert answer.status_code == 201
    ends = ("POST /users", "process email.welcome")
    spans = story.spans(story.trace_of("story-1"), *ends)
    assert tree(spans) == sorted(
        [
            *under("POST /users", "BEGIN", "INSERT users", "INSERT birthdays"),
            *under("POST /users", "DELETE birthdays", "INSERT birthdays"),
            *under("POST /users", "send email.welcome", "COMMIT"),
            *under("send email.welcome", "INSERT jobs", "process email.welcome"),
            *under("process email.welcome", "SELECT users", "send mail"),
            *under("process email.welcome", "BEGIN", "UPDATE jobs", "COMMIT"),
        ]
    )
    kinds = {(span.name, span.kind, span.service) for span in spans}
    assert kinds >= {
        ("POST /users", "server", "jubilee-api"),
        ("INSERT users", "client", "jubilee-api"),
        ("send email.welcome", "producer", "jubilee-api"),
        ("process email.welcome", "consumer", "jubilee-worker"),
        ("send mail", "client", "jubilee-worker"),
        ("UPDATE jobs", "client", "jubilee-worker"),
    }
    said = next(span for span in spans if span.name == "POST /users").attributes
    assert (said["http.route"], said["http.response.status_code"]) == ("/users", 201)
    assert not any(span.failed for span in spans)
    assert "ada" not in str([span.attributes for span in spans])


def test_a_trace_goes_on_to_somebody_elses_server(story: Story) -> None:
    trace_id, header = caller()
    with hooks() as found:
        url = f"http://127.0.0.1:{found.port}/secret/path?token=secret"
        task = {"kind": "http.request", "data": {"url": url, "body": "secret"}}
        story.client.post("/tasks", json=task, headers={**story.headers, "traceparent": header})
        spans = story.spans(trace_id, "POST /tasks", "process http.request")
    branches = tree(spans, above=CALLER)
    assert {
        *under("POST /tasks", "BEGIN", "send http.request", "COMMIT"),
        *under("send http.request", "INSERT jobs", "process http.request"),
        *under("process http.request", "POST", "BEGIN", "UPDATE jobs", "COMMIT"),
    } <= set(branches)
    (left,) = (span for span in spans if span.name == "POST")
    (arrived,) = found.requests
    assert arrived["traceparent"].split("-")[1:3] == [trace_id, left.span_id]
    assert (left.kind, left.attributes["http.response.status_code"]) == ("client", 200)
    assert "secret" not in str([span.attributes for span in spans])


def test_a_trace_outlives_everything_in_redis(story: Story) -> None:
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


def test_a_caller_who_cannot_be_read_is_ignored(story: Story) -> None:
    headers = {"traceparent": f"00-{'z' * 32}-{CALLER}-01", "X-Request-ID": "story-2"}
    assert story.client.get("/hello/nobody", headers=headers).status_code == 404
    spans = story.spans(story.trace_of("story-2"), "GET /hello/{username}")
    assert set(tree(spans)) == set(under("GET /hello/{username}", "SELECT birthdays"))


def test_requests_that_come_at_once_on_one_connection_are_traces_of_their_own(
    story: Story,
) -> None:
    callers = [caller() for _ in range(4)]
    request = "GET /hello/nobody HTTP/1.1\r\nHost: x\r\ntraceparent: {}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", story.up.port), timeout=10) as connection:
        connection.sendall("".join(request.format(header) for _, header in callers).encode())
        for trace_id, _ in callers:
            (server,) = (
                span
                for span in story.spans(trace_id, "GET /hello/{username}")
                if span.name == "GET /hello/{username}"
            )
            assert (server.kind, server.parent_id) == ("server", CALLER)


def test_the_birthday_list_shows_its_cache(story: Story) -> None:
    trace_id, header = caller()
    admin = add_admin(story)
    answer = story.client.get("/birthdays/today", headers={**admin, "traceparent": header})
    assert answer.status_code == 200
    spans = story.spans(trace_id, "GET /birthdays/today")
    assert set(tree(spans, above=CALLER)) >= set(under("GET /birthdays/today", "MGET", "SET"))
    redis = next(span for span in spans if span.name == "MGET")
    assert redis.attributes["db.system.name"] == "redis"


def add_admin(story: Story) -> dict[str, str]:
    """The headers of one."""
    who = ("--email", "boss@example.com", "--username", "boss", "--password-stdin")
    env = {"DATABASE_URL": story.up.run.database_url, "REDIS_URL": story.up.run.redis_url}
    made = run(story.up.data.parent, "admin", "create", *who, stdin=PASSWORD + "\n", **env)
    assert made.returncode == 0, made.stderr
    return bearer(sign_in(story.client, "boss"))


def test_metrics_arrive_by_the_names_that_prometheus_reads_and_by_the_conventions(
    story: Story,
) -> None:
    text = story.client.get("/metrics").text
    shown = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert "http_requests_total" in shown
    wanted = shown | {"http.server.request.duration", "db.client.operation.duration"}
    assert eventually(lambda: wanted <= set(story.seen.metrics), within=20), wanted - set(
        story.seen.metrics
    )
    # The worker sends its own numbers, which the API does not show.
    assert {"jobs_running", "workers_alive"} <= set(story.seen.metrics) - shown


def test_lines_arrive_with_the_ids_of_their_trace(story: Story) -> None:
    trace_id, header = caller()
    task = {"data": {"n": 2}}
    headers = {**story.headers, "traceparent": header}
    story.client.post("/tasks", json=task, headers=headers).raise_for_status()

    def events() -> set[str]:
        lines = [line for line in story.seen.lines if line.trace_id.hex() == trace_id]
        return {json.loads(line.body.string_value)["event"] for line in lines}

    assert eventually(lambda: events() == {"request", "job"}, within=20), events()
    ids = {span.span_id for span in story.spans(trace_id, "POST /tasks", "process echo")}
    for line in story.seen.lines:
        assert line.trace_id.hex() != trace_id or line.span_id.hex() in ids


def test_everything_says_who_sent_it(story: Story) -> None:
    assert eventually(lambda: len({r["service.name"] for r in story.seen.resources}) == 2)
    for about in story.seen.resources:
        assert about["service.name"] in {"jubilee-api", "jubilee-worker"}
        assert about["service.version"] == __version__
        assert about["deployment.environment.name"] == "development"
    names = {(r["service.instance.id"], r["service.name"]) for r in story.seen.resources}
    assert len(names) == 2


def test_variables_of_a_file_count_and_name_the_service(
    tmp_path: Path, servers: Servers, database_url: str
) -> None:
    with receiver() as seen, ExitStack() as ends:
        (tmp_path / ".env").write_text(
            f"OTEL_EXPORTER_OTLP_ENDPOINT={seen.url}\n"
            "OTEL_EXPORTER_OTLP_HEADERS=x-team=moon\n"
            "OTEL_SERVICE_NAME=party\n"
            "OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=moon,team=a\n"
            "OTEL_TRACES_EXPORTER=none\n"
        )
        api = Api(tmp_path, database_url, servers.redis_url, OTEL_LOGS_EXPORTER="none")
        ends.callback(api.end)
        api.ready().process.terminate()
        assert api.process.wait(20) == 0
    assert {about["service.name"] for about in seen.resources} == {"party"}
    assert seen.resources[0]["deployment.environment.name"] == "moon"
    assert seen.resources[0]["team"] == "a"
    assert seen.headers[0]["x-team"] == "moon"
    assert seen.metrics
    assert (seen.spans, seen.lines) == ([], [])
