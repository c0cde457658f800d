"""Jobs: each goes on with the trace of whoever asked for it, as far as there is one."""

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
from jubilee.adapters.postgres.transaction import WriteContext, transactions
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
    attributes,
    context,
    everything,
    is_failed,
    parent_id,
)

TRACE, PARENT = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
ASKED = {"traceparent": f"00-{TRACE:032x}-{PARENT:016x}-01"}
UNSAMPLED = {"traceparent": f"00-{TRACE:032x}-{PARENT:016x}-00"}
SECRET = "hunter2 of zoe@example.com"


@dataclass(frozen=True, slots=True)
class Watched:
    """Jobs over the fakes, watched as a worker's are."""

    telemetry: JobTelemetry
    tracing: Tracing
    harness: JobHarness = field(default_factory=JobHarness)

    async def run(
        self, body: Body, kept: Mapping[str, str] | None = None, age: float = 0.0, **job: Any
    ) -> Outcome:
        """One attempt at a job whose row keeps this, and is so many seconds old."""
        runner = self.harness.runner(body)
        claims = _Aged(self.harness, kept, age)
        runner = replace(runner, store=claims, observer=self.telemetry)
        return await runner.run(self.harness.add(**job).reference)


class _Aged:
    """The harness's claims; what it lends was asked for elsewhere, a while ago."""

    def __init__(self, harness: JobHarness, kept: Mapping[str, str] | None, age: float) -> None:
        self._bench, self._kept, self._age = harness, kept, age

    async def claim(self, reference: JobReference) -> ClaimedJob | None:
        found = await self._bench.store.claim(reference)
        return found and replace(found, trace_context=self._kept, age=self._age)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bench.store, name)


@pytest.fixture
def watched(tracing: Tracing, instruments: Instruments, lines: Lines) -> Watched:
    return Watched(JobTelemetry(instruments, tracing, lines.logs.write), tracing)


async def test_a_job_goes_on_with_the_trace_that_it_was_asked_for_in(
    watched: Watched, memory: Memory
) -> None:
    await watched.run(return_at_once, ASKED, age=3599)
    span = memory.one("process work")
    assert (span.kind, context(span).trace_id, parent_id(span)) == (
        SpanKind.CONSUMER, TRACE, PARENT,
    )  # fmt: skip
    assert not span.links


async def test_long_after_that_it_has_a_trace_of_its_own_linked_to_the_first(
    watched: Watched, memory: Memory
) -> None:
    await watched.run(return_at_once, ASKED, age=3601)
    span = memory.one("process work")
    assert span.parent is None
    assert context(span).trace_id != TRACE
    assert [(k.context.trace_id, k.context.span_id) for k in span.links] == [(TRACE, PARENT)]


@pytest.mark.parametrize("age", [0.0, 3601.0])
@pytest.mark.parametrize(
    "kept",
    [
        None,
        {},
        {"traceparent": "nonsense"},
        {"traceparent": ""},
        {"tracestate": "a=b"},
        {"traceparent": f"00-{'0' * 32}-{'0' * 16}-01"},
    ],
)
async def test_nonsense_about_its_trace_is_harmless(
    watched: Watched, memory: Memory, kept: Mapping[str, str] | None, age: float
) -> None:
    assert await watched.run(return_at_once, kept, age) is Outcome.SUCCEEDED
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
async def test_its_span_says_how_it_ended_but_not_what_an_error_says(
    watched: Watched, memory: Memory, body: Body, outcome: Outcome, error: str | None
) -> None:
    assert await watched.run(body, ASKED) is outcome
    span = memory.one("process work")
    said = attributes(span)
    assert said["jubilee.job.outcome"] == outcome.value
    assert (said.get("error.type"), is_failed(span)) == (error, error is not None)
    assert SECRET not in everything(span)


async def test_its_span_says_which_attempt_it_was(watched: Watched, memory: Memory) -> None:
    await watched.run(return_at_once, ASKED, attempts=2, epoch=4)
    said = attributes(memory.one("process work"))
    assert (said["jubilee.job.attempt"], said["jubilee.job.epoch"]) == (3, 5)
    assert said["messaging.destination.name"] == "system"
    assert (said["messaging.operation.name"], said["jubilee.job.kind"]) == ("process", "work")


async def test_a_mistake_has_the_same_fingerprint_in_the_span_and_in_the_line(
    watched: Watched, memory: Memory, lines: Lines
) -> None:
    await watched.run(failing(ValueError(SECRET)), ASKED)
    line = lines.one("job failed")
    (event,) = memory.one("process work").events
    assert (event.attributes or {})["exception.fingerprint"] == line["fingerprint"]
    assert (line["level"], line["error"]) == ("error", "ValueError")
    assert line["trace_id"] == f"{TRACE:032x}"
    assert SECRET not in lines.path.read_text()


async def test_what_a_job_does_is_part_of_its_span_and_of_no_other(
    watched: Watched, memory: Memory
) -> None:
    async def body(claim: JobContext[Any], _: Completion[Any]) -> None:
        await asyncio.sleep(0.01)
        watched.tracing.record("SELECT users", {"n": int(claim.payload)}, 0)

    def kept(n: int) -> dict[str, str]:
        return {"traceparent": f"00-{n:032x}-{PARENT:016x}-01"}

    await asyncio.gather(*(watched.run(body, kept(n), data={"n": n}) for n in range(1, 6)))
    parents = {context(s).span_id: context(s).trace_id for s in memory.spans if s.parent}
    statements = [span for span in memory.spans if span.name == "SELECT users"]
    assert sorted(attributes(s)["n"] for s in statements) == [1, 2, 3, 4, 5]
    for span in statements:
        assert context(span).trace_id == attributes(span)["n"]
        assert parents[parent_id(span) or 0] == context(span).trace_id


async def test_one_that_was_not_sampled_hands_its_trace_on_all_the_same(
    watched: Watched, memory: Memory
) -> None:
    seen: list[Any] = []

    async def body(_: JobContext[Any], __: Completion[Any]) -> None:
        seen.append(trace_headers())

    await watched.run(body, UNSAMPLED)
    (context_,) = seen
    assert context_["traceparent"].startswith(f"00-{TRACE:032x}-")
    assert context_["traceparent"].endswith("-00")
    assert memory.spans == []


async def test_after_a_job_nothing_of_it_is_left(watched: Watched, lines: Lines) -> None:
    await watched.run(return_at_once, ASKED)
    lines.logs.write("after")
    assert trace_headers() is None
    assert set(lines.one("after")) == {"timestamp", "level", "event"}


TRACE_OF = Statement.from_sql("SELECT trace_context FROM jobs WHERE id = :id")
SCRIBBLE = Statement.from_sql(
    "UPDATE jobs SET trace_context = CAST(:nonsense AS jsonb) WHERE id = :id"
)


async def added(pool: ConnectionPool, tracing: Tracing) -> NewJob:
    """A job that has just been committed."""
    write_context = WriteContext(
        FakeClock(), new_id, lambda: None, propagator=JobTracePropagator(tracing)
    )
    job = NewJob(id=new_id(), kind="echo")
    async with transactions(pool, write_context)() as tx:
        await tx.jobs.add(job)
    return job


async def kept_of(pool: ConnectionPool, job: NewJob) -> Any:
    async with pool.executor() as executor:
        row = await executor.first(TRACE_OF, id=job.id)
    assert row is not None
    return row["trace_context"]


async def test_a_row_keeps_the_span_that_sent_it(
    pool: ConnectionPool, tracing: Tracing, memory: Memory
) -> None:
    with tracing.tracer.start_as_current_span("POST /users"):
        job = await added(pool, tracing)
    sent, insert = memory.one("send echo"), memory.one("INSERT jobs")
    kept = await kept_of(pool, job)
    assert kept["traceparent"].split("-")[2] == f"{context(sent).span_id:016x}"
    assert sent.kind is SpanKind.PRODUCER
    assert parent_id(insert) == context(sent).span_id
    assert attributes(sent)["messaging.message.id"] == str(job.id)


async def test_a_row_of_a_request_that_is_not_sampled_keeps_its_ids(
    pool: ConnectionPool, tracing: Tracing, memory: Memory
) -> None:
    token = sampling_decision.set(SamplingDecision(TRACE, PARENT, sampled=False))
    job = await added(pool, tracing)
    sampling_decision.reset(token)
    assert await kept_of(pool, job) == UNSAMPLED
    assert memory.spans == []


async def test_a_row_that_nobody_traces_keeps_nothing(
    pool: ConnectionPool, tracing: Tracing
) -> None:
    assert await kept_of(pool, await added(pool, tracing)) is None


@pytest.mark.parametrize("nonsense", ["null", '"00-1"', "[1]", "7", '{"traceparent": 7}'])
async def test_a_row_in_which_somebody_wrote_nonsense_is_run(
    pool: ConnectionPool, watched: Watched, memory: Memory, nonsense: str
) -> None:
    job = await added(pool, watched.tracing)
    async with pool.executor() as executor:
        await executor.run(SCRIBBLE, id=job.id, nonsense=nonsense)
    claims = PostgresJobStore(pool, worker_id=new_id(), lease=30, kinds=["echo"])
    claimed = await claims.claim(JobReference(job.id, 0))
    assert claimed is not None
    watched.telemetry.started(claimed)
    watched.telemetry.ended(claimed, Outcome.SUCCEEDED, 0.1)
    assert memory.one("process echo").parent is None
