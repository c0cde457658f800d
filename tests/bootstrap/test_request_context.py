"""What the adapters know of the request or the job that they work for."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from uuid import UUID

import pytest
from opentelemetry.trace import INVALID_SPAN

from jubilee.adapters.telemetry.jobs import CurrentJob, current_job
from jubilee.bootstrap.deadline import request_client, request_deadline, request_time_left
from jubilee.bootstrap.logs import correlation_id, log_context
from jubilee.bootstrap.request_origin import request_origin
from jubilee.domain.audit.entry import RequestOrigin
from jubilee.domain.identity import UserId
from jubilee.domain.jobs.store import ClaimedJob
from jubilee.observation.requests import RequestRecord, current_request

JOB, OWNER = UUID(int=7), UUID(int=8)
RECORD = RequestRecord("r-1", "GET", 0, "2001:db8:1:2:3::4", deadline=50.0)
CLAIMED = ClaimedJob(
    id=JOB,
    epoch=1,
    kind="echo",
    data={},
    attempt=1,
    max_attempts=5,
    owner_id=UserId(OWNER),
    by_admin=False,
    correlation_id="r-0",
    trace_context=None,
)

Within = Callable[..., None]


@pytest.fixture
def within() -> Iterator[Within]:
    """Work for a request or a job until the end of the test."""
    request_before, job_before = current_request.set(None), current_job.set(None)

    def enter(request: RequestRecord | None = None, job: ClaimedJob | None = None) -> None:
        current_request.set(request)
        current_job.set(None if job is None else CurrentJob(job, INVALID_SPAN, None))

    yield enter
    current_job.reset(job_before)
    current_request.reset(request_before)


def test_outside_of_requests_and_jobs_nothing_is_known(within: Within) -> None:
    within()
    assert (log_context(), correlation_id()) == ({}, None)
    assert request_origin() == RequestOrigin(request_id=None)
    assert (request_deadline(), request_client()) == (math.inf, None)


def test_lines_and_rows_of_a_request_have_its_id(within: Within) -> None:
    within(replace(RECORD, user_id="zoe"), CLAIMED)
    assert log_context() == {"request_id": "r-1", "user_id": "zoe"}
    assert correlation_id() == "r-1"


def test_lines_of_an_anonymous_request_name_no_user(within: Within) -> None:
    within(RECORD)
    assert log_context() == {"request_id": "r-1"}


def test_lines_and_rows_of_a_job_have_the_id_of_the_request_that_enqueued_it(
    within: Within,
) -> None:
    within(job=CLAIMED)
    job = {"job_id": str(JOB), "kind": "echo"}
    assert log_context() == {"request_id": "r-0", "user_id": str(OWNER), **job}
    assert correlation_id() == "r-0"
    assert request_origin() == RequestOrigin(request_id="r-0")
    within(job=replace(CLAIMED, owner_id=None, correlation_id=None))
    assert (log_context(), correlation_id()) == (job, None)


def test_the_audit_log_has_the_client_of_a_request(within: Within) -> None:
    agent = [(b"user-agent", b"curl/8")]
    within(replace(RECORD, headers=agent, impersonator_id="ada"))
    assert request_origin() == RequestOrigin("2001:db8:1:2:3::4", "curl/8", "r-1", "ada")
    within(replace(RECORD, client=""))
    assert request_origin() == RequestOrigin(None, None, "r-1", None)


def test_the_time_of_a_request_ends_at_its_deadline(within: Within) -> None:
    within(replace(RECORD, deadline=monotonic() + 1000))
    assert request_deadline() == pytest.approx(monotonic() + 1000, abs=500)
    assert request_time_left() == pytest.approx(1000, abs=500)


def test_the_client_of_a_request_is_its_user_or_else_its_network(within: Within) -> None:
    within(RECORD)
    assert request_client() == "2001:db8:1:2::/64"
    within(replace(RECORD, user_id="zoe"))
    assert request_client() == "zoe"
