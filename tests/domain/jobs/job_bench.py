"""A runner over the fakes, and kinds of work that do what a test says."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from jubilee.domain.jobs.kinds import (
    Audience,
    Claim,
    Finish,
    InvalidPayload,
    Kind,
    Kinds,
)
from jubilee.domain.jobs.lease_keeper import Heart
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.runner import Outcome, Runner
from tests.fakes.job_store import FakeClaims, FakeFinish, FakeJob, FakeJobTable
from tests.fakes.store import fresh_id

EFFECT = NewJob(id=fresh_id(), kind="effect")

Body = Callable[[Claim[Any], Finish[Any]], Awaitable[None]]


@dataclass(slots=True)
class Work(Kind[object, Any]):
    """A kind that does what the test says."""

    body: Body
    name: str = "work"
    audience: Audience = Audience.NOBODY
    timeout: float = 5.0

    def read(self, data: Mapping[str, object]) -> object:
        if "bad" in data:
            raise InvalidPayload("it is bad", pointer="/data/bad")
        return data["n"]

    def shown(self, data: Mapping[str, object]) -> Mapping[str, object]:
        return data

    async def run(self, claim: Claim[object], finish: Finish[Any]) -> None:
        await self.body(claim, finish)


@dataclass(slots=True)
class Bench:
    """A runner over a table."""

    table: FakeJobTable = field(default_factory=FakeJobTable)
    claims: FakeClaims = field(init=False)
    heart: Heart = field(init=False)
    finish: FakeFinish = field(init=False)

    def __post_init__(self) -> None:
        self.claims = FakeClaims(self.table)
        self.heart = Heart(self.claims, 30)
        self.finish = FakeFinish(self.table)

    def runner(self, body: Body, **more: Any) -> Runner:
        kinds = Kinds([Work(body, **more)])
        self.claims.kinds = kinds.names
        return Runner(self.claims, kinds, self.finish, self.heart, lambda: 0.5)

    def add(self, **values: Any) -> FakeJob:
        return self.table.add(**{"kind": "work", "data": {"n": 1}, **values})

    async def run(self, body: Body, job: FakeJob | None = None, **more: Any) -> Outcome:
        job = job or self.add()
        return await self.runner(body, **more).run(job.reference)


async def nothing(_: Claim[Any], __: Finish[Any]) -> None:
    """Does not even end."""


async def forever(_: Claim[Any], __: Finish[Any]) -> None:
    await asyncio.sleep(60)


async def stubborn(claim: Claim[Any], finish: Finish[Any]) -> None:
    """Does not listen, and tries to end long after it was told to stop."""
    for _ in range(10):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.05)
    async with finish({"by": "zombie"}) as tx:
        await tx.jobs.add(EFFECT)


def failing(error: BaseException) -> Body:
    async def body(_: Claim[Any], __: Finish[Any]) -> None:
        raise error

    return body
