"""In-memory adapters that refuse what PostgreSQL refuses, by the same errors."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from jubilee.adapters.postgres.transaction_executor import RolledBack
from jubilee.domain.api_tokens.token import ApiToken, ApiTokenId
from jubilee.domain.audit.entry import AuditEntry, RequestOrigin
from jubilee.domain.auth.sessions import Session
from jubilee.domain.events import ItemEvent
from jubilee.domain.idempotency.answers import Answer
from jubilee.domain.identities.identity import Identity
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.invites.invite import Invite
from jubilee.domain.jobs.queue import NewJob
from jubilee.domain.one_time.link import OneTimeLink
from jubilee.domain.service_accounts.account import ServiceAccount
from jubilee.domain.signing_keys.key import SigningKey
from jubilee.domain.tasks.task import Task
from jubilee.domain.users.user import User
from tests.fakes.accounts import FakeUsers
from tests.fakes.answers import FakeAnswers
from tests.fakes.api_tokens import FakeApiTokens
from tests.fakes.audit import FakeAuditLog
from tests.fakes.birthdays import FakeBirthdays
from tests.fakes.domain_errors import domain_errors
from tests.fakes.events import FakeEvents
from tests.fakes.factors import FactorRows, FakeFactors, FakePendingSignIns, FakeRecoveryCodes
from tests.fakes.greetings import FakeGreetings
from tests.fakes.identities import FakeIdentities, FakeSpentTickets
from tests.fakes.invites import FakeInvites
from tests.fakes.items import FakeItems
from tests.fakes.jobs import FakeJobs, JobsById
from tests.fakes.leaving import FakeDeletions, FakeExports, FakePersonalData, StoredExport
from tests.fakes.one_time import FakeOneTimeLinks
from tests.fakes.own_mails import FakeOwnMails
from tests.fakes.passkeys import FakePasskeys, FakeSpentChallenges
from tests.fakes.roles import FakeRoles, Grants
from tests.fakes.rows import FakeUnitOfWork, Overlay, RowLocks
from tests.fakes.service_accounts import FakeServiceAccounts
from tests.fakes.sessions import FakeSessions
from tests.fakes.signing_keys import FakeSigningKeys
from tests.fakes.tasks import FakeTasks

K = TypeVar("K")
V = TypeVar("V")

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@dataclass(slots=True)
class FakeClock:
    """A clock that only `tick` moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def tick(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@dataclass(frozen=True, slots=True)
class FakeTransaction:
    """The attributes of the real transaction; each raises after a failed statement."""

    unit: FakeUnitOfWork
    users: FakeUsers
    sessions: FakeSessions
    api_tokens: FakeApiTokens
    service_accounts: FakeServiceAccounts
    answers: FakeAnswers
    items: FakeItems
    birthdays: FakeBirthdays
    greetings: FakeGreetings
    events: FakeEvents
    audit: FakeAuditLog
    one_time: FakeOneTimeLinks
    own_mails: FakeOwnMails
    jobs: FakeJobs
    tasks: FakeTasks
    signing_keys: FakeSigningKeys
    deletions: FakeDeletions
    exports: FakeExports
    personal_data: FakePersonalData
    identities: FakeIdentities
    spent_tickets: FakeSpentTickets
    roles: FakeRoles
    factors: FakeFactors
    sealed_factors: FakeFactors
    recovery_codes: FakeRecoveryCodes
    pending_sign_ins: FakePendingSignIns
    invites: FakeInvites
    passkeys: FakePasskeys
    spent_challenges: FakeSpentChallenges

    @property
    def task_queue(self) -> FakeTasks:
        return self.tasks

    @property
    def planning(self) -> FakeGreetings:
        return self.greetings

    def __getattribute__(self, name: str) -> object:
        if object.__getattribute__(self, "unit").failed:
            raise asyncpg.InFailedSQLTransactionError("current transaction is aborted")
        return object.__getattribute__(self, name)


@dataclass(slots=True)
class FakeTables:
    """The rows that a transaction or a view sees."""

    clock: FakeClock
    unit: FakeUnitOfWork
    users: MutableMapping[UserId, User]
    sessions: MutableMapping[SessionId, Session]
    api_tokens: MutableMapping[ApiTokenId, ApiToken]
    service_accounts: MutableMapping[UserId, ServiceAccount]
    answers: MutableMapping[bytes, Answer]
    items: FakeItems
    birthdays: FakeBirthdays
    greetings: FakeGreetings
    events: list[ItemEvent]
    audit: FakeAuditLog
    jobs: MutableMapping[UUID, NewJob]
    tasks: MutableMapping[UUID, Task]
    signing_keys: MutableMapping[str, SigningKey]
    links: MutableMapping[UUID, OneTimeLink]
    deletions: MutableMapping[UserId, datetime]
    exports: MutableMapping[UUID, StoredExport]
    identities: MutableMapping[UUID, Identity]
    spent_tickets: MutableMapping[str, datetime]
    grants: Grants
    factors: FactorRows
    invites: MutableMapping[UUID, Invite]

    def repositories(self) -> FakeTransaction:
        tasks = FakeTasks(self.tasks, self.clock, self.users, self.unit)
        return FakeTransaction(
            unit=self.unit,
            users=FakeUsers(self),
            sessions=FakeSessions(self),
            api_tokens=FakeApiTokens(
                self.api_tokens, self.users, self.clock, self.unit, FakeRoles(self)
            ),
            service_accounts=FakeServiceAccounts(
                self.service_accounts, self.users, self.clock, self.unit
            ),
            answers=FakeAnswers(self.answers, self.unit),
            items=self.items,
            birthdays=self.birthdays,
            greetings=self.greetings,
            events=FakeEvents(self.events),
            audit=self.audit,
            one_time=FakeOneTimeLinks(self.links, self.users, self.unit),
            own_mails=FakeOwnMails(self.jobs, self.tasks),
            jobs=FakeJobs(self.jobs, tasks),
            tasks=tasks,
            signing_keys=FakeSigningKeys(self.signing_keys, self.sessions, self.unit),
            deletions=FakeDeletions(self.deletions, self.users, self.unit),
            exports=FakeExports(self.exports, self.users, self.unit),
            personal_data=FakePersonalData(self.users, self.items.rows),
            identities=FakeIdentities(self.identities, self.users, self.unit),
            spent_tickets=FakeSpentTickets(self.spent_tickets, self.unit),
            roles=FakeRoles(self),
            factors=FakeFactors(self.factors, self.users, self.unit),
            sealed_factors=FakeFactors(self.factors, self.users, self.unit),
            recovery_codes=FakeRecoveryCodes(self.factors, self.users, self.unit),
            pending_sign_ins=FakePendingSignIns(self.factors, self.users, self.unit),
            invites=FakeInvites(self.invites, self.users, self.unit),
            passkeys=FakePasskeys(self.factors.passkeys, self.users, self.unit),
            spent_challenges=FakeSpentChallenges(self.factors.challenges, self.unit),
        )

    def commit(self) -> None:
        """Make the changes visible; events and the planner's progress are stored apart."""
        own = (getattr(self, table.name) for table in fields(self))
        birthdays, greetings = self.birthdays, self.greetings
        parts = (self.items.rows, birthdays.anonymous, birthdays.accounts, greetings.rows)
        for rows in (*own, *parts, *self.factors.tables()):
            if isinstance(rows, Overlay):
                rows.commit()


def _unchanged(rows: MutableMapping[K, V]) -> MutableMapping[K, V]:
    return rows


@dataclass(slots=True)
class FakeStore:
    """The committed rows, and transactions over them."""

    clock: FakeClock = field(default_factory=FakeClock)
    users: dict[UserId, User] = field(default_factory=dict)
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    api_tokens: dict[ApiTokenId, ApiToken] = field(default_factory=dict)
    service_accounts: dict[UserId, ServiceAccount] = field(default_factory=dict)
    answers: dict[bytes, Answer] = field(default_factory=dict)
    items: FakeItems = field(default_factory=FakeItems)
    birthdays: FakeBirthdays = field(default_factory=FakeBirthdays)
    greetings: FakeGreetings = field(default_factory=FakeGreetings)
    events: list[ItemEvent] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    origin: RequestOrigin = field(default_factory=RequestOrigin)
    """Where the acts come from."""
    jobs: list[NewJob] = field(default_factory=list)
    tasks: dict[UUID, Task] = field(default_factory=dict)
    signing_keys: dict[str, SigningKey] = field(default_factory=dict)
    links: dict[UUID, OneTimeLink] = field(default_factory=dict)
    deletions: dict[UserId, datetime] = field(default_factory=dict)
    exports: dict[UUID, StoredExport] = field(default_factory=dict)
    identities: dict[UUID, Identity] = field(default_factory=dict)
    spent_tickets: dict[str, datetime] = field(default_factory=dict)
    grants: dict[tuple[UserId, str], datetime] = field(default_factory=dict)
    factors: FactorRows = field(default_factory=lambda: FactorRows({}, {}, {}, {}, {}))
    invites: dict[UUID, Invite] = field(default_factory=dict)
    broken: Exception | None = None
    """The error that every transaction raises, to simulate an outage."""
    locks: RowLocks = field(default_factory=RowLocks)
    meanwhile: Callable[[], Awaitable[None]] | None = None  # awaited by each view and transaction

    @asynccontextmanager
    async def view(self) -> AsyncIterator[FakeTransaction]:
        await self._begin()
        tables = self._tables(FakeUnitOfWork(self.locks), _unchanged)
        tables.events = self.events
        tables.audit = replace(tables.audit, new=self.audit)
        with domain_errors():
            yield tables.repositories()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[FakeTransaction]:
        await self._begin()
        unit = FakeUnitOfWork(self.locks, autocommit=False)
        tables = self._tables(unit, Overlay)
        try:
            with domain_errors():
                yield tables.repositories()
            if unit.failed:
                raise RolledBack
            tables.commit()
            self.events.extend(tables.events)
            self.audit.extend(tables.audit.new)
            self.greetings.progress = tables.greetings.progress
        finally:
            unit.release()

    async def _begin(self) -> None:
        if self.broken is not None:
            raise self.broken
        if self.meanwhile is not None:
            await self.meanwhile()

    def _tables(self, unit: FakeUnitOfWork, rows: Callable[[Any], Any]) -> FakeTables:
        users, accounts = rows(self.users), rows(self.birthdays.accounts)
        greetings = self.greetings
        return FakeTables(
            clock=self.clock,
            unit=unit,
            users=users,
            sessions=rows(self.sessions),
            api_tokens=rows(self.api_tokens),
            service_accounts=rows(self.service_accounts),
            answers=rows(self.answers),
            items=FakeItems(rows(self.items.rows), users, unit),
            birthdays=FakeBirthdays(rows(self.birthdays.anonymous), accounts, unit, self.clock),
            greetings=FakeGreetings(accounts, rows(greetings.rows), greetings.progress, unit),
            events=[],
            audit=FakeAuditLog(self.audit, [], self.clock, unit, self.origin),
            jobs=rows(JobsById(self.jobs)),
            tasks=rows(self.tasks),
            signing_keys=rows(self.signing_keys),
            links=rows(self.links),
            deletions=rows(self.deletions),
            exports=rows(self.exports),
            identities=rows(self.identities),
            spent_tickets=rows(self.spent_tickets),
            grants=rows(self.grants),
            factors=FactorRows(*map(rows, self.factors.tables())),
            invites=rows(self.invites),
        )


def store_with_accounts(*people: Principal) -> FakeStore:
    """Return a store that has the accounts of these principals."""
    store = FakeStore()
    for person in people:
        key = person.user_id
        email = f"{key}@example.com"
        store.users[key] = User(id=key, email=email, created_at=START, updated_at=START)
    return store
