"""Retention: what bounds each growing table.

- users, items, birthdays of accounts: kept until their owner deletes them;
- anonymous birthdays: HELLO_MAX_ANONYMOUS;
- sessions: a hundred per account, SESSION_MAX_DAYS each; expired ones are deleted (here);
- one-time links: five of a purpose in an hour per account, deleted a day after they expire (here);
- API tokens: API_TOKENS_PER_ACCOUNT; deleted a month after they have expired (here);
- sign-ins without their second factor: ten per account, deleted after minutes (here);
- second factors: five authenticator apps, ten recovery codes, twenty passkeys per account;
- answered challenges of passkeys: deleted after minutes (here);
- invites: a hundred per account; expired ones are deleted (here);
- stored answers: one per request with an idempotency key, deleted after a day (here);
- used tickets of sign-ins by other providers: deleted once they have expired (here);
- identities: twenty per account;
- signing keys: one per TOKEN_KEY_DAYS, deleted after their last token has expired;
- greetings: one per account and year, deleted after three years (here);
- jobs: deleted TASK_RETENTION after their end (by the relay); an account has TASKS_LIVE_PER_USER
  live ones at most; task quotas: one per account;
- events: deleted TASK_RETENTION after being published (by the relay);
- exports: one per account, deleted after a week; deletions that wait: one per account (here);
- workers: deleted after a day without a heartbeat (adapters/postgres/jobs/backlog.py);
- audit entries: AUDIT_RETENTION_DAYS, their clients AUDIT_CLIENT_DAYS (domain/audit/upkeep.py);
- counters: a fixed number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Protocol

from jubilee.domain.clock import Clock

GREETINGS_KEPT = timedelta(days=3 * 366)
ANSWERS_KEPT = timedelta(days=1)
LINKS_KEPT = timedelta(days=1)
API_TOKENS_KEPT = timedelta(days=30)  # after their expiry, so that lists show why they fail
BATCH_SIZE = 500
EXPORTS_BATCH_SIZE = 2  # of up to 4096 chunks each


class ExpiringData(Enum):
    """Data that expire: deleted then, or the time of KEPT later."""

    SESSIONS = "sessions"
    PENDING_SIGN_INS = "sign-ins without their second factor"
    CHALLENGES = "answered challenges of passkeys"
    TICKETS = "used tickets of sign-ins by other providers"
    INVITES = "invites"
    LINKS = "one-time links"
    API_TOKENS = "API tokens"
    ANSWERS = "stored answers"  # which expire, for KEPT, when they are stored
    EXPORTS = "exports, with their chunks"


KEPT: Mapping[ExpiringData, timedelta] = {
    ExpiringData.LINKS: LINKS_KEPT,
    ExpiringData.API_TOKENS: API_TOKENS_KEPT,
    ExpiringData.ANSWERS: ANSWERS_KEPT,
}
"""How long they are kept after they have expired; the others not at all."""

BATCH_SIZES: Mapping[ExpiringData, int] = {ExpiringData.EXPORTS: EXPORTS_BATCH_SIZE}
"""Rows deleted at once; of the others BATCH_SIZE."""


# Ports


class ExpiredRows(Protocol):
    """Deletes expired rows; each call deletes `limit` rows at most and returns how many."""

    async def drop(self, data: ExpiringData, *, kept: timedelta = timedelta(), limit: int) -> int:
        """Delete what expired at least `kept` ago."""

    async def drop_greetings(self, before: date, *, limit: int) -> int:
        """Delete greetings that were due before the day."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Periodic deletion of expired rows; any number of workers may run it at once."""

    expired: ExpiredRows
    clock: Clock

    async def sweep(self) -> int:
        """Delete one batch of each table; return the number of rows."""
        before = (self.clock() - GREETINGS_KEPT).date()
        deleted = await self.expired.drop_greetings(before, limit=BATCH_SIZE)
        for data in ExpiringData:
            kept, limit = KEPT.get(data, timedelta()), BATCH_SIZES.get(data, BATCH_SIZE)
            deleted += await self.expired.drop(data, kept=kept, limit=limit)
        return deleted
