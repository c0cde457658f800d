"""Tracing of jobs: each continues the trace of the request that created it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.jobs.store import PostgresJobStore
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.transaction import transactions
from jubilee.adapters.postgres.write_context import WriteContext
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.jobs import JobTelemetry, JobTracePropagator
from jubilee.adapters.telemetry.sampling import SamplingDecision, sampling_decision
from jubilee.adapters.telemetry.tracing import Tracing, trace_headers
from jubilee.domain.jobs.kinds import Completion, JobContext, JobError, PermanentFailure
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.runner import Outcome
from jubilee.domain.jobs.store import ClaimedJob, JobReference
from tests.domain.jobs.job_harness import Body, JobHarness, failing, return_at_once
from tests.fakes.store import FakeClock
from tests.telemetry.memory import (
    Lines,
    Memory,
    as_text,
    attributes,
    context,
    is_failed,
    parent_id,
)

TRACE, PARENT = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
CONTEXT = {"traceparent": f"00-{TRACE:032x}-{PARENT:016x}-01"}
UNSAMPLED = {"traceparent": f"00-{TRACE:032x}-{PARENT:016x}-00"}
SECRET = "hunter2 of zoe@example.com"


@dataclass(frozen=True, slots=True)
class ObservedJobs:
    """Jobs over the fakes, with the telemetry of a worker."""

    telemetry: JobTelemetry
    tracing: Tracing
    harness: JobHarness = field(default_factory=JobHarness)

    async def run(
        self, body: Body, stored: Mapping[str, str] | None = None, age: float = 0.0, **job: Any
    ) -> Outcome:
        """Run one attempt of a job with this trace context and age in seconds."""
        runner = self.harness.runner(body)
        job_store = _StoreWithContext(self.harness, stored, age)
        runner = replace(runner, store=job_store, observer=self.telemetry)
        return await runner.run(self.harness.add(**job).reference)


class _StoreWithContext:
    """The harness's claims; what it lends was asked for elsewhere, a while ago."""

    def __init__(self, harness: JobHarness, stored: Mapping[str, str] | None, age: float) -> None:
        self._bench, self._kept, self._age = harness, stored, age

    async def claim(self, reference: JobReference) -> ClaimedJob | None:
        found = await self._bench.store.claim(reference)
        return found and replace(found, trace_context=self._kept, age=self._age)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bench.store, name)


@pytest.fixture
def observed(tracing: Tracing, instruments: Instruments, lines: Lines) -> ObservedJobs:
    return ObservedJobs(JobTelemetry(instruments, tracing, lines.logs.write), tracing)


async def test_a_job_continues_the_trace_of_its_request(
    observed: ObservedJobs, memory: Memory
) -> None:
    await observed.run(return_at_once, CONTEXT, age=3599)
    span = memory.one("process work")
    assert (span.kind, context(span).trace_id, parent_id(span)) == (
        SpanKind.CONSUMER, TRACE, PARENT,
    )  # fmt: skip
    assert not span.links


async def test_an_old_job_has_its_own_trace_linked_to_the_first(
    observed: ObservedJobs, memory: Memory
) -> None:
    await observed.run(return_at_once, CONTEXT, age=3601)
    span = memory.one("process work")
    assert span.parent is None
    assert context(span).trace_id != TRACE
    assert [(k.context.trace_id, k.context.span_id) for k in span.links] == [(TRACE, PARENT)]


async def test_the_line_of_an_attempt_has_hundredths_of_milliseconds(
    observed: ObservedJobs, lines: Lines
) -> None:
    claimed = await observed.harness.store.claim(observed.harness.add().reference)
    assert claimed is not None
    claimed = replace(claimed, waited=0.9876543)
    observed.telemetry.started(claimed)
    observed.telemetry.ended(claimed, Outcome.SUCCEEDED, 0.12345678)
    line = lines.one("job")
    assert (line["duration_ms"], line["waited_ms"]) == (123.46, 987.65)


@pytest.mark.parametrize("age", [0.0, 3601.0])
@pytest.mark.parametrize(
    "stored",
    [
        None,
        {},
        {"traceparent": "malformed"},
        {"traceparent": ""},
        {"tracestate": "a=b"},
        {"traceparent": f"00-{'0' * 32}-{'0' * 16}-01"},
    ],
)
async def test_an_invalid_trace_context_of_a_job_is_ignored(
    observed: ObservedJobs, memory: Memory, stored: Mapping[str, str] | None, age: float
) -> None:
    assert await observed.run(return_at_once, stored, age) is Outcome.SUCCEEDED
    span = memory.one("process work")
    assert span.parent is None
    assert not span.links


@pytest.mark.parametrize(
    ("body", "outcome", "error"),
    [
        (return_at_once, Outcome.SUCCEEDED, None),
        (failing(JobError(SECRET)), Outcome.RETRIED, "failed"),
        (failing(PermanentFailure(SECRET)), Outcome.DEAD, "given_up"),
        (failing(ValueError(SECRET)), Outcome.RETRIED, "ValueError"),
    ],
)
async def test_the_span_of_a_job_has_its_outcome_without_error_messages(
    observed: ObservedJobs, memory: Memory, body: Body, outcome: Outcome, error: str | None
) -> None:
    assert await observed.run(body, CONTEXT) is outcome
    span = memory.one("process work")
    found = attributes(span)
    assert found["jubilee.job.outcome"] == outcome.value
    assert (found.get("error.type"), is_failed(span)) == (error, error is not None)
    assert SECRET not in as_text(span)


async def test_the_span_of_a_job_has_its_attempt_and_kind(
    observed: ObservedJobs, memory: Memory
) -> None:
    await observed.run(return_at_once, CONTEXT, attempts=2, epoch=4)
    found = attributes(memory.one("process work"))
    assert (found["jubilee.job.attempt"], found["jubilee.job.epoch"]) == (3, 5)
    assert found["messaging.destination.name"] == "system"
    assert (found["messaging.operation.name"], found["jubilee.job.kind"]) == ("process", "work")


async def test_a_failed_job_has_the_same_fingerprint_in_span_and_line(
    observed: ObservedJobs, memory: Memory, lines: Lines
) -> None:
    await observed.run(failing(ValueError(SECRET)), CONTEXT)
    line = lines.one("job failed")
    (event,) = memory.one("process work").events
    assert (event.attributes or {})["exception.fingerprint"] == line["fingerprint"]
    assert (line["level"], line["error"]) == ("error", "ValueError")
    assert line["trace_id"] == f"{TRACE:032x}"
    assert SECRET not in lines.path.read_text()


async def test_statements_of_parallel_jobs_belong_to_their_own_spans(
    observed: ObservedJobs, memory: Memory
) -> None:
    async def body(claim: JobContext[Any], _: Completion[Any]) -> None:
        await asyncio.sleep(0.01)
        observed.tracing.record("SELECT users", {"n": int(claim.payload)}, 0)

    def stored(n: int) -> dict[str, str]:
        return {"traceparent": f"00-{n:032x}-{PARENT:016x}-01"}

    await asyncio.gather(*(observed.run(body, stored(n), data={"n": n}) for n in range(1, 6)))
    parents = {context(s).span_id: context(s).trace_id for s in memory.spans if s.parent}
    statements = [span for span in memory.spans if span.name == "SELECT users"]
    assert sorted(attributes(s)["n"] for s in statements) == [1, 2, 3, 4, 5]
    for span in statements:
        assert context(span).trace_id == attributes(span)["n"]
        assert parents[parent_id(span) or 0] == context(span).trace_id


async def test_an_unsampled_job_propagates_its_trace(
    observed: ObservedJobs, memory: Memory
) -> None:
    received: list[Any] = []

    async def body(_: JobContext[Any], __: Completion[Any]) -> None:
        received.append(trace_headers())

    await observed.run(body, UNSAMPLED)
    (context_,) = received
    assert context_["traceparent"].startswith(f"00-{TRACE:032x}-")
    assert context_["traceparent"].endswith("-00")
    assert memory.spans == []


async def test_the_context_of_a_job_is_cleared_after_it(
    observed: ObservedJobs, lines: Lines
) -> None:
    await observed.run(return_at_once, CONTEXT)
    lines.logs.write("after")
    assert trace_headers() is None
    assert set(lines.one("after")) == {"timestamp", "level", "event"}


TRACE_OF = Statement.from_sql("SELECT trace_context FROM jobs WHERE id = :id")
WRITE_CONTEXT = Statement.from_sql(
    "UPDATE jobs SET trace_context = CAST(:malformed AS jsonb) WHERE id = :id"
)


async def add_job(pool: ConnectionPool, tracing: Tracing) -> NewJob:
    """Commit a job and return it."""
    write_context = WriteContext(
        FakeClock(), new_id, lambda: None, propagator=JobTracePropagator(tracing)
    )
    job = NewJob(id=new_id(), kind="echo")
    async with transactions(pool, write_context)() as tx:
        await tx.jobs.add(job)
    return job


async def read_context(pool: ConnectionPool, job: NewJob) -> Any:
    async with pool.executor() as executor:
        row = await executor.first(TRACE_OF, id=job.id)
    assert row is not None
    return row["trace_context"]


async def test_a_row_stores_the_span_that_sent_it(
    pool: ConnectionPool, tracing: Tracing, memory: Memory
) -> None:
    with tracing.tracer.start_as_current_span("POST /users"):
        job = await add_job(pool, tracing)
    sent, insert = memory.one("send echo"), memory.one("INSERT jobs")
    stored = await read_context(pool, job)
    assert stored["traceparent"].split("-")[2] == f"{context(sent).span_id:016x}"
    assert sent.kind is SpanKind.PRODUCER
    assert parent_id(insert) == context(sent).span_id
    assert attributes(sent)["messaging.message.id"] == str(job.id)


async def test_a_row_of_an_unsampled_request_stores_its_ids(
    pool: ConnectionPool, tracing: Tracing, memory: Memory
) -> None:
    token = sampling_decision.set(SamplingDecision(TRACE, PARENT, sampled=False))
    job = await add_job(pool, tracing)
    sampling_decision.reset(token)
    assert await read_context(pool, job) == UNSAMPLED
    assert memory.spans == []


async def test_a_row_without_a_trace_stores_none(pool: ConnectionPool, tracing: Tracing) -> None:
    assert await read_context(pool, await add_job(pool, tracing)) is None


@pytest.mark.parametrize("malformed", ["null", '"00-1"', "[1]", "7", '{"traceparent": 7}'])
async def test_a_job_with_a_malformed_trace_context_is_run(
    pool: ConnectionPool, observed: ObservedJobs, memory: Memory, malformed: str
) -> None:
    job = await add_job(pool, observed.tracing)
    async with pool.executor() as executor:
        await executor.run(WRITE_CONTEXT, id=job.id, malformed=malformed)
    job_store = PostgresJobStore(pool, worker_id=new_id(), lease=30, kinds=["echo"])
    claimed = await job_store.claim(JobReference(job.id, 0))
    assert claimed is not None
    observed.telemetry.started(claimed)
    observed.telemetry.ended(claimed, Outcome.SUCCEEDED, 0.1)
    assert memory.one("process echo").parent is None
