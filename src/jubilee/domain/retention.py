"""What leaves in time. Every table that grows has an answer to its growth:

- users, items, birthdays of accounts: what people keep, until they remove it;
- birthdays of strangers: HELLO_MAX_ANONYMOUS;
- sessions: a hundred an account, and an expired one leaves (here);
- greetings: one a person and year, for three years (here);
- jobs: an ended one leaves after TASK_RETENTION (the relay); of live ones an account has
  TASKS_LIVE_PER_USER at most;
- events: a published one leaves after TASK_RETENTION (the relay);
- workers: one that is silent for a day leaves (adapters/postgres/jobs/backlog.py);
- counters: a fixed few.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from jubilee.domain.clock import Clock

GREETINGS_KEPT = timedelta(days=3 * 366)
BATCH = 500


class ExpiredRows(Protocol):
    """Rows that nobody needs any more; every call takes a bounded number."""

    async def drop_sessions(self, *, limit: int) -> int:
        """Remove expired ones; how many."""

    async def drop_greetings(self, before: date, *, limit: int) -> int:
        """Remove those that were due before the day; how many."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Every worker sees to it; any number of them may do so at once."""

    expired: ExpiredRows
    clock: Clock

    async def sweep(self) -> int:
        """One batch of each; how many rows have left."""
        before = (self.clock() - GREETINGS_KEPT).date()
        sessions = await self.expired.drop_sessions(limit=BATCH)
        return sessions + await self.expired.drop_greetings(before, limit=BATCH)
