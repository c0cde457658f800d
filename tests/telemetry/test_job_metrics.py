"""What each observation of a job or of the relay changes in the metrics."""

from collections.abc import Callable
from time import time

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.jobs import JobTelemetry
from jubilee.adapters.telemetry.logs import unwritten
from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.domain.jobs.runner import Outcome
from jubilee.domain.jobs.store import ClaimedJob

Sample = Callable[..., float | None]


@pytest.fixture
def sample(instruments: Instruments) -> Sample:
    return instruments.registry.get_sample_value


@pytest.fixture
def telemetry(instruments: Instruments, tracing: Tracing) -> JobTelemetry:
    return JobTelemetry(instruments, tracing, unwritten)


def test_jobs_are_counted_when_they_are_committed_sent_and_rescued(
    telemetry: JobTelemetry, sample: Sample
) -> None:
    before = time()
    telemetry.enqueued("echo")
    telemetry.dispatched(3)
    telemetry.rescued(2)
    assert sample("jobs_enqueued_total", {"kind": "echo"}) == 1
    assert sample("jobs_dispatched_total") == 3
    assert sample("jobs_rescued_total") == 2
    ended = sample("relay_last_success_timestamp_seconds")
    assert ended is not None
    assert before <= ended <= time()


@pytest.mark.parametrize(("outcome", "whole"), [(Outcome.SUCCEEDED, 7.5), (Outcome.DEAD, None)])
def test_an_attempt_is_counted_and_timed(
    telemetry: JobTelemetry, sample: Sample, outcome: Outcome, whole: float | None
) -> None:
    job = ClaimedJob(
        id=new_id(),
        epoch=1,
        kind="echo",
        data={},
        attempt=1,
        max_attempts=3,
        owner_id=None,
        by_admin=False,
        correlation_id=None,
        trace_context=None,
        queue=JobQueueName.USER,
        waited=2.0,
        age=5.0,
    )
    telemetry.started(job)
    assert sample("jobs_running") == 1
    assert sample("jobs_started_total", {"kind": "echo", "lane": "user"}) == 1
    assert sample("job_queue_wait_seconds_sum", {"lane": "user"}) == 2
    telemetry.ended(job, outcome, 2.5)
    assert sample("jobs_running") == 0
    assert sample("jobs_finished_total", {"kind": "echo", "outcome": outcome.value}) == 1
    assert sample("job_duration_seconds_sum", {"kind": "echo"}) == 2.5
    assert sample("job_end_to_end_seconds_sum", {"kind": "echo"}) == whole
