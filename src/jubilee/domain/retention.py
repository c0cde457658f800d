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
  live ones at most;
- events: deleted TASK_RETENTION after being published (by the relay);
- exports: one per account, deleted after a week; deletions that wait: one per account (here);
- workers: deleted after a day without a heartbeat (adapters/postgres/jobs/backlog.py);
- audit entries: AUDIT_RETENTION_DAYS, their clients AUDIT_CLIENT_DAYS (domain/audit/upkeep.py);
- counters: a fixed number.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

from jubilee.domain.clock import Clock

GREETINGS_KEPT = timedelta(days=3 * 366)
ANSWERS_KEPT = timedelta(days=1)
LINKS_KEPT = timedelta(days=1)
API_TOKENS_KEPT = timedelta(days=30)  # after their expiry, so that lists show why they fail
BATCH_SIZE = 500
EXPORTS_BATCH_SIZE = 2  # of up to 4096 chunks each


# Ports


class ExpiredRows(Protocol):
    """Deletes expired rows; each call deletes `limit` rows at most."""

    async def drop_sessions(self, *, limit: int) -> int:
        """Delete expired sessions; return how many."""

    async def drop_tickets(self, *, limit: int) -> int:
        """Delete used tickets that have expired; return how many."""

    async def drop_pending_sign_ins(self, *, limit: int) -> int:
        """Delete expired sign-ins whose second factor was not given; return how many."""

    async def drop_invites(self, *, limit: int) -> int:
        """Delete expired invites; return how many."""

    async def drop_challenges(self, *, limit: int) -> int:
        """Delete answered challenges that have expired; return how many."""

    async def drop_greetings(self, before: date, *, limit: int) -> int:
        """Delete greetings that were due before the day; return how many."""

    async def drop_links(self, *, kept: timedelta, limit: int) -> int:
        """Delete one-time links that expired longer than `kept` ago; return how many."""

    async def drop_answers(self, *, kept: timedelta, limit: int) -> int:
        """Delete answers that were stored longer than `kept` ago; return how many."""

    async def drop_api_tokens(self, *, kept: timedelta, limit: int) -> int:
        """Delete tokens that expired longer than `kept` ago; return how many."""

    async def drop_exports(self, *, limit: int) -> int:
        """Delete expired exports with their chunks; return how many."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Periodic deletion of expired rows; any number of workers may run it at once."""

    expired: ExpiredRows
    clock: Clock

    async def sweep(self) -> int:
        """Delete one batch of each table; return the number of rows."""
        before = (self.clock() - GREETINGS_KEPT).date()
        sessions = await self.expired.drop_sessions(limit=BATCH_SIZE)
        answers = await self.expired.drop_answers(kept=ANSWERS_KEPT, limit=BATCH_SIZE)
        greetings = await self.expired.drop_greetings(before, limit=BATCH_SIZE)
        links = await self.expired.drop_links(kept=LINKS_KEPT, limit=BATCH_SIZE)
        tokens = await self.expired.drop_api_tokens(kept=API_TOKENS_KEPT, limit=BATCH_SIZE)
        exports = await self.expired.drop_exports(limit=EXPORTS_BATCH_SIZE)
        tickets = await self.expired.drop_tickets(limit=BATCH_SIZE)
        pending = await self.expired.drop_pending_sign_ins(limit=BATCH_SIZE)
        invites = await self.expired.drop_invites(limit=BATCH_SIZE)
        challenges = await self.expired.drop_challenges(limit=BATCH_SIZE)
        ended = tickets + pending + invites + challenges
        return sessions + answers + greetings + links + tokens + exports + ended
