"""Planning greetings: finds day by day the accounts whose greeting has become due."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from jubilee.domain.calendar import born_on, local_instant, zone_names
from jubilee.domain.clock import Clock
from jubilee.domain.greetings.greeting import (
    CandidateQuery,
    Celebrant,
    GreetingKey,
    GreetingRules,
    GreetingState,
    GreetingTransaction,
    NotSentReason,
    PlannedGreeting,
)
from jubilee.domain.identity import NewId
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.jobs.retries import DAY_OF_ATTEMPTS
from jubilee.domain.transaction import Begin

GREETING = "email.greeting"
PLANNING_INTERVAL = timedelta(seconds=45)  # skip if another worker has planned this recently
CATCH_UP = timedelta(days=1)
MAX_GAP = timedelta(days=366)  # older birthdays are not planned at all
BATCH_SIZE = 200
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DueMoment:
    """When the greeting of a local day is due, and when that day ends."""

    moment: datetime
    end: datetime


@lru_cache(maxsize=1 << 13)  # four days of all zones
def due_moment(day: date, zone: str, hour: int) -> DueMoment:
    """Return when greetings for the day are due in a zone."""
    return DueMoment(local_instant(day, hour, zone), local_instant(day + DAY, 0, zone))


@dataclass(frozen=True, slots=True)
class PlanningSpan:
    """The time to plan: since the last planning, up to now."""

    since: datetime
    now: datetime

    @property
    def days(self) -> Iterator[date]:
        """Iterate over every day that is within the span in any time zone."""
        first = self.since.astimezone(UTC).date() - DAY
        last = self.now.astimezone(UTC).date() + DAY
        return (first + timedelta(days=n) for n in range((last - first).days + 1))

    def state_for(self, due: DueMoment) -> GreetingState | None:
        """Return PLANNED, SKIPPED if too late, or None if not due yet or handled before.

        New accounts are greeted until their local day ends; after that, only greetings that became
        due within the span are planned.
        """
        if due.moment > self.now:
            return None
        if self.now < due.end:
            return GreetingState.PLANNED
        if due.moment <= self.since:
            return None
        late = due.moment <= self.now - CATCH_UP
        return GreetingState.SKIPPED if late else GreetingState.PLANNED


@dataclass(frozen=True, slots=True)
class GreetingPlanner:
    """Inserts due greetings and their jobs, each once; any number of workers may run it at once.

    With `parks`, due greetings are inserted as uncertain, without a job.
    """

    write: Begin[GreetingTransaction]
    read: Begin[GreetingTransaction]
    rules: GreetingRules
    clock: Clock
    new_id: NewId
    parks: bool = False

    async def park(self, until: datetime) -> int:
        """Park what may have been sent before `until` by a database that is lost; return how many.

        For a database that was restored to an earlier moment: it does not know what was sent since.
        """
        async with self.write() as tx:
            parked = await tx.greetings.park_open()
        planner = replace(self, clock=lambda: until, parks=True)
        return parked + await planner.plan()

    async def plan(self) -> int:
        """Plan all greetings due by now; return the number to be sent, or parked.

        Progress is saved after the whole span is planned: if planning stops half way, the next
        run repeats it.
        """
        now = self.clock()
        async with self.read() as view:
            known = await view.planning.planned_until()
        since = now if known is None else known
        planned_recently = known is not None and abs(now - since) < PLANNING_INTERVAL
        if planned_recently and not self.parks:
            return 0
        # Another worker's clock may have run ahead.
        span = PlanningSpan(max(min(since, now), now - MAX_GAP), now)
        planned = 0
        for day in span.days:
            planned += await self._plan_day(day, span)
        async with self.write() as tx:
            await tx.planning.set_planned_until(now)
        return planned

    async def _plan_day(self, day: date, span: PlanningSpan) -> int:
        # The first look at a zone reads a file.
        idle = await asyncio.to_thread(_idle_zones, day, span, self.rules.hour)
        if len(idle) == len(zone_names()):
            return 0
        planned = 0
        for month_day in born_on(day, self.rules.leap_day):
            planned += await self._plan(
                CandidateQuery(day, month_day, idle, self.rules.default_zone), span
            )
        return planned

    async def _plan(self, query: CandidateQuery, span: PlanningSpan) -> int:
        planned = 0
        after: UUID | None = None
        while True:
            async with self.read() as view:
                people = await view.greetings.candidates(query, after=after, limit=BATCH_SIZE)
            found = [self._greeting(person, query.day, span) for person in people]
            planned += await self._add([one for one in found if one is not None], span.now)
            if len(people) < BATCH_SIZE:
                return planned
            after = people[-1].user_id

    async def _add(self, greetings: Sequence[PlannedGreeting], now: datetime) -> int:
        if not greetings:
            return 0
        async with self.write() as tx:
            added = await tx.greetings.add(greetings, at=now)
            wanted = [
                self._job(one)
                for one in greetings
                if one.key.user_id in added and one.state is GreetingState.PLANNED
            ]
            if wanted:
                await tx.jobs.add_all(wanted)
        return len(added) if self.parks else len(wanted)

    def _greeting(self, person: Celebrant, day: date, span: PlanningSpan) -> PlannedGreeting | None:
        birthday = due_moment(day, self.rules.zone(person.time_zone), self.rules.hour)
        state = span.state_for(birthday)
        if state is None:
            return None
        if self.parks and state is GreetingState.PLANNED:
            state = GreetingState.UNCERTAIN
        return PlannedGreeting(
            key=GreetingKey(person.user_id, day.year),
            due_on=day,
            due_at=birthday.moment,
            state=state,
            reason=NotSentReason.LATE if state is GreetingState.SKIPPED else None,
        )

    def _job(self, greeting: PlannedGreeting) -> NewJob:
        user_id, year = greeting.key
        return NewJob(
            id=self.new_id(),
            kind=GREETING,
            data={"user_id": str(user_id), "year": year},
            owner_id=user_id,
            # By day, not year: a skipped greeting may be planned again for another day of the year.
            key=f"greeting:{user_id}:{greeting.due_on}",
            max_attempts=DAY_OF_ATTEMPTS,
        )


def _idle_zones(day: date, span: PlanningSpan, hour: int) -> Collection[str]:
    return [zone for zone in zone_names() if span.state_for(due_moment(day, zone, hour)) is None]
