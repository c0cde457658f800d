"""A runner over the fakes, and job bodies for it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from jubilee.adapters.ids import new_id
from jubilee.domain.jobs.cancellation import JobCanceller
from jubilee.domain.jobs.kinds import (
    Audience,
    Completion,
    InvalidPayload,
    JobContext,
    JobKind,
    JobKinds,
)
from jubilee.domain.jobs.lease_keeper import LeaseKeeper
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.runner import Outcome, Runner
from jubilee.domain.jobs.store import OpenCompletion
from tests.fakes.job_store import FakeJobStore
from tests.fakes.job_table import FakeCancellation, FakeCompletion, FakeJob, FakeJobTable

EFFECT = NewJob(id=new_id(), kind="effect")
CLOSED = new_id()
"""The id of a job that ScriptedKind adds when it closes another."""

Body = Callable[[JobContext[Any], Completion[Any]], Awaitable[None]]


@dataclass(slots=True)
class ScriptedKind(JobKind[object, Any]):
    """A kind whose `run` is a function of the test."""

    body: Body
    name: str = "work"
    audience: Audience = Audience.INTERNAL
    timeout: float = 5.0

    def read(self, data: Mapping[str, object]) -> object:
        if "bad" in data:
            raise InvalidPayload("bad payload", pointer="/data/bad")
        return data["n"]

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def close(self, data: Mapping[str, object], tx: Any) -> None:
        await tx.jobs.add(NewJob(id=CLOSED, kind="closed", data=data))

    async def run(self, job: JobContext[object], complete: Completion[Any]) -> None:
        await self.body(job, complete)


@dataclass(slots=True)
class JobHarness:
    """A runner, its lease keeper and its completion over one table."""

    table: FakeJobTable = field(default_factory=FakeJobTable)
    store: FakeJobStore = field(init=False)
    lease_keeper: LeaseKeeper = field(init=False)
    completion: FakeCompletion = field(init=False)

    def __post_init__(self) -> None:
        self.store = FakeJobStore(self.table)
        self.lease_keeper = LeaseKeeper(self.store, 30, monotonic)
        self.completion = FakeCompletion(self.table)

    def runner(self, body: Body, **more: Any) -> Runner:
        return self.runner_of(JobKinds([ScriptedKind(body, **more)]))

    def runner_of(self, kinds: JobKinds, completion: OpenCompletion[Any] | None = None) -> Runner:
        """Return a runner of these kinds; `completion` replaces that of the harness."""
        self.store.kinds = kinds.names
        return Runner(
            self.store,
            kinds,
            completion or self.completion,
            JobCanceller(kinds, FakeCancellation(self.table)),
            self.lease_keeper,
            lambda: 0.5,
        )

    def add(self, **values: Any) -> FakeJob:
        return self.table.add(**{"kind": "work", "data": {"n": 1}, **values})

    async def run(self, body: Body, job: FakeJob | None = None, **more: Any) -> Outcome:
        job = job or self.add()
        return await self.runner(body, **more).run(job.reference)


async def return_at_once(_: JobContext[Any], __: Completion[Any]) -> None:
    """Return without opening the completion."""


async def run_forever(_: JobContext[Any], __: Completion[Any]) -> None:
    """Run longer than any test."""
    await asyncio.sleep(60)


async def ignore_cancellation(job: JobContext[Any], complete: Completion[Any]) -> None:
    """Ignore cancellation, and try to complete long after it."""
    for _ in range(20):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.1)
    async with complete({"by": "zombie"}) as tx:
        await tx.jobs.add(EFFECT)


def failing(error: BaseException) -> Body:
    """Return a body that raises the error."""

    async def body(_: JobContext[Any], __: Completion[Any]) -> None:
        raise error

    return body
