"""Job kinds with countable effects that misbehave."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from jubilee.adapters.postgres.statement import Statement
from jubilee.adapters.postgres.transaction import PostgresTransaction
from jubilee.bootstrap.adapters import Adapters
from jubilee.domain.jobs.kinds import Audience, Completion, JobContext, JobKind, PermanentFailure
from jubilee.domain.transaction import Begin
from jubilee.settings import Settings

AT = "at timestamptz NOT NULL DEFAULT clock_timestamp()"
MAX_ATTEMPTS = 100  # faults, and leases that lapse on a busy machine, end far more than usual
SCHEMA = (
    f"CREATE TABLE IF NOT EXISTS runs (job_id uuid, epoch int, pid int, {AT})",
    f"CREATE TABLE IF NOT EXISTS effects (job_id uuid, epoch int, {AT})",
    f"""
    CREATE OR REPLACE FUNCTION allow_attempts() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.max_attempts := {MAX_ATTEMPTS}; RETURN NEW; END $$
    """,
    """
    CREATE OR REPLACE TRIGGER allow_attempts BEFORE INSERT ON jobs
    FOR EACH ROW EXECUTE FUNCTION allow_attempts()
    """,
)
"""Tables without a key, so that a duplicate is visible; and more attempts for each job."""

RUN = Statement.from_sql("INSERT INTO runs (job_id, epoch, pid) VALUES (:job_id, :epoch, :pid)")
EFFECT = Statement.from_sql("INSERT INTO effects (job_id, epoch) VALUES (:job_id, :epoch)")

Data: TypeAlias = Mapping[str, object]
Ours: TypeAlias = JobContext[Data]


@dataclass(frozen=True, slots=True, kw_only=True)  # the port's properties look like defaults
class ChaosKind(JobKind[Mapping[str, object], Any]):
    """Record the start, misbehave, and complete with one effect."""

    name: str
    before: Callable[[Ours], Awaitable[None]]
    write: Begin[PostgresTransaction]
    timeout: float = 30.0
    audience: Audience = Audience.USERS

    def read(self, data: Data) -> Data:
        return data

    def redact(self, data: Data) -> Data:
        return data

    async def run(self, job: Ours, complete: Completion[PostgresTransaction]) -> None:
        who = {"job_id": job.id, "epoch": job.epoch}
        async with self.write() as tx:
            await tx.executor.run(RUN, pid=os.getpid(), **who)
        await self.before(job)
        async with complete({"epoch": job.epoch}) as tx:
            await tx.executor.run(EFFECT, **who)


async def return_at_once(_: Ours) -> None:
    """Return at once."""


async def rest(claim: Ours) -> None:
    """Take a while."""
    await asyncio.sleep(_seconds(claim))


async def fail_at_first(claim: Ours) -> None:
    """Fail once."""
    if claim.attempt == 1:
        raise RuntimeError("not yet")


async def poison(_: Ours) -> None:
    """Kill the worker."""
    os._exit(9)


async def block_at_first(claim: Ours) -> None:
    """Block the event loop once."""
    if claim.epoch == 1:
        time.sleep(_seconds(claim))  # noqa: ASYNC251  # the fault itself


async def ignore_cancellation(claim: Ours) -> None:
    """Ignore cancellation for a while, once."""
    end = time.monotonic() + (_seconds(claim) if claim.epoch == 1 else 0)
    while time.monotonic() < end:
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            continue


async def misbehave_once(claim: Ours) -> None:
    """Fail, kill the worker, report progress or ignore cancellation once, as the data say."""
    if claim.epoch > 1:
        await rest(claim)
        return
    match claim.payload["first"]:
        case "retry":
            raise RuntimeError("not yet")
        case "dead":
            raise PermanentFailure("never")
        case "progress":
            await claim.report({"epoch": claim.epoch})
        case _:
            await asyncio.sleep(60)


BEFORE: Mapping[str, Callable[[Ours], Awaitable[None]]] = {
    "chaos.quick": return_at_once,
    "chaos.slow": rest,
    "chaos.flaky": fail_at_first,
    "chaos.poison": poison,
    "chaos.blocking": block_at_first,
    "chaos.drops_next_answer": ignore_cancellation,
    "chaos.wrong": misbehave_once,
    "chaos.new": return_at_once,
}


def chaos_kinds(_: Settings, adapters: Adapters) -> Sequence[JobKind[Any, Any]]:
    """Return all kinds but those that the environment declares unknown to this version."""
    unknown = os.environ.get("CHAOS_UNKNOWN", "").split(",")
    known = {name: before for name, before in BEFORE.items() if name not in unknown}
    return [
        ChaosKind(name=name, before=before, write=adapters.write) for name, before in known.items()
    ]


def _seconds(claim: Ours) -> float:
    return cast("float", claim.payload["seconds"])
