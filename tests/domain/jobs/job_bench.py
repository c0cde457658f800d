"""A runner over the fakes, and kinds of work that do what a test says."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

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
from tests.fakes.job_store import FakeCompletion, FakeJob, FakeJobStore, FakeJobTable
from tests.fakes.store import fresh_id

EFFECT = NewJob(id=fresh_id(), kind="effect")

Body = Callable[[JobContext[Any], Completion[Any]], Awaitable[None]]


@dataclass(slots=True)
class ScriptedKind(JobKind[object, Any]):
    """A kind that does what the test says."""

    body: Body
    name: str = "work"
    audience: Audience = Audience.NOBODY
    timeout: float = 5.0

    def read(self, data: Mapping[str, object]) -> object:
        if "bad" in data:
            raise InvalidPayload("it is bad", pointer="/data/bad")
        return data["n"]

    def redact(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(self, job: JobContext[object], complete: Completion[Any]) -> None:
        await self.body(job, complete)


@dataclass(slots=True)
class Bench:
    """A runner over a table."""

    table: FakeJobTable = field(default_factory=FakeJobTable)
    store: FakeJobStore = field(init=False)
    lease_keeper: LeaseKeeper = field(init=False)
    completion: FakeCompletion = field(init=False)

    def __post_init__(self) -> None:
        self.store = FakeJobStore(self.table)
        self.lease_keeper = LeaseKeeper(self.store, 30, monotonic)
        self.completion = FakeCompletion(self.table)

    def runner(self, body: Body, **more: Any) -> Runner:
        kinds = JobKinds([ScriptedKind(body, **more)])
        self.store.kinds = kinds.names
        return Runner(self.store, kinds, self.completion, self.lease_keeper, lambda: 0.5)

    def add(self, **values: Any) -> FakeJob:
        return self.table.add(**{"kind": "work", "data": {"n": 1}, **values})

    async def run(self, body: Body, job: FakeJob | None = None, **more: Any) -> Outcome:
        job = job or self.add()
        return await self.runner(body, **more).run(job.reference)


async def nothing(_: JobContext[Any], __: Completion[Any]) -> None:
    """Does not even end."""


async def forever(_: JobContext[Any], __: Completion[Any]) -> None:
    await asyncio.sleep(60)


async def stubborn(claim: JobContext[Any], finish: Completion[Any]) -> None:
    """Does not listen, and tries to end long after it was told to stop."""
    for _ in range(10):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.05)
    async with finish({"by": "zombie"}) as tx:
        await tx.jobs.add(EFFECT)


def failing(error: BaseException) -> Body:
    async def body(_: JobContext[Any], __: Completion[Any]) -> None:
        raise error

    return body
