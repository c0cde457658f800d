"""One in-memory adapter a port; a transaction that fails leaves the store as it was."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from jubilee.adapters.ids import new_id
from jubilee.domain.auth.sessions import SESSIONS_PER_USER, Session, SessionRepository
from jubilee.domain.auth.tokens import Claims
from jubilee.domain.events import EventLog, ItemEvent
from jubilee.domain.identity import Principal, SessionId, UserId, name_key
from jubilee.domain.jobs.queue import JobQueue, NewJob
from jubilee.domain.owned_rows import UserSessions
from jubilee.domain.paging import Page, Position
from jubilee.domain.passwords import PasswordHasher
from jubilee.domain.tasks.task import Task
from jubilee.domain.users import (
    EmailTaken,
    User,
    UsernameTaken,
    UserNotFound,
    UserRepository,
)
from tests.fake_birthdays import FakeBirthdays
from tests.fake_greetings import FakeGreetings
from tests.fake_items import FakeItems
from tests.fake_tasks import FakeTasks

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@dataclass(slots=True)
class FakeClock:
    """Stands still until it is told to move."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def tick(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@dataclass(slots=True)
class FakePasswords(PasswordHasher):
    """'Hashes' by writing the generation and the password; counts its work."""

    generation: int = 1
    hashed: int = 0
    checks: int = 0

    async def hash(self, password: str) -> str:
        self.hashed += 1
        return f"{self.generation}:{password}"

    async def verify(self, password_hash: str | None, password: str) -> bool:
        self.checks += 1
        return password_hash is not None and password_hash.partition(":")[2] == password

    def is_outdated(self, password_hash: str) -> bool:
        return int(password_hash.partition(":")[0]) < self.generation


def words_of(*texts: str | None) -> list[str]:
    """The words of some texts, as the search sees them."""
    joined = " ".join(text or "" for text in texts).casefold()
    return "".join(c if c.isalnum() else " " for c in joined).split()


def finds(search: str | None, *texts: str | None) -> bool:
    """Whether every word looked for begins a word of the texts."""
    if search is None:
        return True
    wanted = words_of(search)
    return bool(wanted) and all(any(w.startswith(s) for w in words_of(*texts)) for s in wanted)


@dataclass(slots=True)
class FakeUsers(UserRepository):
    """Accounts in a dict; one that goes takes along what belongs to it."""

    store: "FakeStore"

    async def get(self, user_id: UserId, *, lock: bool = False) -> User:
        if user_id not in self.store.users:
            raise UserNotFound
        return self.store.birthdays.shown(self.store.users[user_id])

    async def find_by_login(self, login: str) -> User | None:
        key = name_key(login)
        for user in self.store.users.values():
            if key in {name_key(name) for name in (user.email, user.username) if name}:
                return user
        return None

    async def page(self, *, search: str | None, after: Position | None, limit: int) -> Page[User]:
        found = [
            user
            for user in self.store.users.values()
            if finds(search, user.email, user.username, user.full_name)
            and (after is None or _position(user) < after)
        ]
        rows = sorted(found, key=_position, reverse=True)
        more = len(rows) > limit
        return Page(rows[:limit], _position(rows[limit - 1]) if more else None)

    async def add(self, user: User) -> None:
        self._check(user)
        self.store.users[user.id] = user
        self.store.birthdays.keep_account(user)

    async def save(self, user: User) -> None:
        self._check(user)
        self.store.users[user.id] = user
        self.store.birthdays.keep_account(user)

    async def delete(self, user_id: UserId) -> None:
        store = self.store
        store.users.pop(user_id, None)
        store.sessions = {k: s for k, s in store.sessions.items() if s.user_id != user_id}
        gone = {job.id for job in store.jobs if job.owner_id == user_id}
        store.jobs = [job for job in store.jobs if job.owner_id != user_id]
        store.tasks = {
            k: t for k, t in store.tasks.items() if t.owner_id != user_id and k not in gone
        }
        store.birthdays.drop_account(user_id)
        store.greetings.drop_account(user_id)
        await store.items.delete_of(user_id)

    async def seal(self, user_id: UserId) -> None:
        """There is one transaction at a time here."""

    async def lock_admins(self) -> Collection[UserId]:
        return {u.id for u in self.store.users.values() if u.is_superuser and u.is_active}

    def _check(self, user: User) -> None:
        for other in self.store.users.values():
            if other.id == user.id:
                continue
            if name_key(other.email) == name_key(user.email):
                raise EmailTaken
            if user.username and name_key(other.username or "") == name_key(user.username):
                raise UsernameTaken


def _position(user: User) -> Position:
    return user.created_at.isoformat(), str(user.id)


@dataclass(slots=True)
class FakeSessions(SessionRepository, UserSessions):
    """Sessions in a dict."""

    store: "FakeStore"

    async def check(self, claims: Claims) -> Principal | None:
        session = self.store.sessions.get(claims.session_id)
        user = self.store.users.get(claims.user_id)
        if session is None or user is None or session.user_id != user.id or not user.is_active:
            return None
        if session.expires_at <= self.store.clock():
            return None
        return Principal(user.id, session.id, is_admin=user.is_superuser)

    async def find(self, session_id: SessionId, *, lock: bool = False) -> Session | None:
        return self.store.sessions.get(session_id)

    async def of(self, user_id: UserId) -> Sequence[Session]:
        live = [s for s in self.store.sessions.values() if s.expires_at > self.store.clock()]
        own = [s for s in live if s.user_id == user_id]
        newest = sorted(own, key=lambda s: (s.created_at, s.id), reverse=True)
        return newest[:SESSIONS_PER_USER]

    async def add(self, session: Session) -> None:
        self.store.sessions[session.id] = session

    async def save(self, session: Session) -> None:
        self.store.sessions[session.id] = session

    async def end(self, session_id: SessionId, *, user_id: UserId) -> bool:
        session = self.store.sessions.get(session_id)
        if session is None or session.user_id != user_id:
            return False
        del self.store.sessions[session_id]
        return True

    async def end_all(self, user_id: UserId, *, but: SessionId | None = None) -> None:
        kept = {k: s for k, s in self.store.sessions.items() if s.user_id != user_id or k == but}
        self.store.sessions = kept

    async def trim(self, user_id: UserId, *, now: datetime) -> None:
        kept = {s.id for s in list(await self.of(user_id))[: SESSIONS_PER_USER - 1]}
        self.store.sessions = {
            k: s for k, s in self.store.sessions.items() if s.user_id != user_id or k in kept
        }


@dataclass(slots=True)
class FakeEvents(EventLog):
    """Facts in a list."""

    store: "FakeStore"

    async def add(self, *events: ItemEvent) -> None:
        self.store.events.extend(events)


@dataclass(slots=True)
class FakeJobs(JobQueue):
    """Jobs in a list."""

    store: "FakeStore"

    async def add(self, job: NewJob) -> None:
        if job.key is None or all(known.key != job.key for known in self.store.jobs):
            self.store.jobs.append(job)
            FakeTasks(self.store.tasks, self.store.clock).add_unowned(job)


@dataclass(frozen=True, slots=True)
class FakeTransaction:
    """The same attributes as the real one."""

    users: FakeUsers
    sessions: FakeSessions
    items: FakeItems
    birthdays: FakeBirthdays
    greetings: FakeGreetings
    events: FakeEvents
    jobs: FakeJobs
    tasks: FakeTasks


@dataclass(slots=True)
class FakeStore:
    """All that the fakes remember; one transaction at a time."""

    clock: FakeClock = field(default_factory=FakeClock)
    users: dict[UserId, User] = field(default_factory=dict)
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    items: FakeItems = field(default_factory=FakeItems)
    birthdays: FakeBirthdays = field(default_factory=FakeBirthdays)
    greetings: FakeGreetings = field(default_factory=FakeGreetings)
    events: list[ItemEvent] = field(default_factory=list)
    jobs: list[NewJob] = field(default_factory=list)
    tasks: dict[UUID, Task] = field(default_factory=dict)
    broken: Exception | None = None
    """What every transaction raises, where a test wants the database to be away."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def view(self) -> AsyncIterator[FakeTransaction]:
        if self.broken is not None:
            raise self.broken
        yield FakeTransaction(
            users=FakeUsers(self),
            sessions=FakeSessions(self),
            items=self.items,
            birthdays=self.birthdays,
            greetings=self.greetings.among(self.birthdays.accounts),
            events=FakeEvents(self),
            jobs=FakeJobs(self),
            tasks=FakeTasks(self.tasks, self.clock),
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[FakeTransaction]:
        async with self.turn:
            before = self._copy()
            try:
                async with self.view() as tx:
                    yield tx
            except BaseException:
                self._restore(before)
                raise

    def _copy(self) -> dict[str, object]:
        names = ("users", "sessions", "items", "birthdays", "greetings", "events", "jobs", "tasks")
        return {name: _copied(getattr(self, name)) for name in names}

    def _restore(self, before: dict[str, object]) -> None:
        for name, value in before.items():
            setattr(self, name, value)


def _copied(value: object) -> object:
    return (
        value.copied()
        if isinstance(value, FakeItems | FakeBirthdays | FakeGreetings)
        else copy(value)
    )


def fresh_id() -> UUID:
    """As in production: ids that sort by time."""
    return new_id()
