"""The trace that an event hands on to what its subscribers do."""

from jubilee.adapters.ids import new_id
from jubilee.observation.jobs import NO_TRACE, FixedTrace


def test_jobs_and_events_belong_to_the_trace_that_was_given() -> None:
    context = {"traceparent": "00-1-2-01"}
    fixed = FixedTrace(context)
    assert fixed.current() == context
    with fixed.for_job("echo", new_id()) as found:
        assert found == context


def test_without_a_trace_nothing_is_handed_on() -> None:
    assert NO_TRACE.current() is None
    with NO_TRACE.for_job("echo", new_id()) as found:
        assert found is None
