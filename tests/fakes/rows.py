"""PostgreSQL's READ COMMITTED, row locks and failed transactions, for the fakes."""

import asyncio
from collections.abc import Container, Hashable, Iterator, Mapping, MutableMapping, ValuesView
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Generic, TypeVar

import asyncpg

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

DEADLOCK_S = 60.0  # no test waits for it; a busy machine may hold a lock for long
DELETED = object()


class Overlay(MutableMapping[K, V], Generic[K, V]):
    """The rows that one transaction sees: its own changes over the committed rows."""

    def __init__(self, committed: MutableMapping[K, V]) -> None:
        self._committed = committed
        self._changes: dict[K, object] = {}

    def __getitem__(self, key: K) -> V:
        found = self._changes.get(key, None)
        if found is DELETED:
            raise KeyError(key)
        return self._committed[key] if found is None else found  # type: ignore[return-value]  # what was set

    def __setitem__(self, key: K, value: V) -> None:
        self._changes[key] = value

    def __delitem__(self, key: K) -> None:
        if key not in self:
            raise KeyError(key)
        self._changes[key] = DELETED

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows())

    def __len__(self) -> int:
        return len(self._rows())

    def values(self) -> ValuesView[V]:
        return self._rows().values()

    def _rows(self) -> dict[K, V]:
        rows = dict(self._committed)
        for key, value in self._changes.items():
            if value is DELETED:
                rows.pop(key, None)
            else:
                rows[key] = value  # type: ignore[assignment]  # what was set
        return rows

    def commit(self) -> None:
        """Make the changes visible to other transactions."""
        for key, value in self._changes.items():
            if value is DELETED:
                self._committed.pop(key, None)
            else:
                self._committed[key] = value  # type: ignore[assignment]  # what was set


class RowLocks:
    """Locks by key, each exclusive or shared."""

    def __init__(self) -> None:
        self._held: dict[Hashable, dict[int, bool]] = {}
        self._released = asyncio.Event()

    async def acquire(self, holder: int, key: Hashable, *, shared: bool) -> None:
        """Wait until no other holder's lock conflicts, then take the lock."""
        while True:
            held = self._held.setdefault(key, {})
            others = [is_shared for other, is_shared in held.items() if other != holder]
            if not others or (shared and all(others)):
                held[holder] = shared and held.get(holder, True)
                return
            await self._released.wait()

    def try_acquire(self, holder: int, key: Hashable) -> bool:
        """Take the lock exclusively if no other holder has it; return whether it was taken."""
        held = self._held.setdefault(key, {})
        if set(held) - {holder}:
            return False
        held[holder] = False
        return True

    def holds(self, holder: int, key: Hashable) -> bool:
        """Return whether the holder has the exclusive lock."""
        return self._held.get(key, {}).get(holder) is False

    def release(self, holder: int) -> None:
        """Release all locks of a holder."""
        for held in self._held.values():
            held.pop(holder, None)
        self._released.set()
        self._released = asyncio.Event()


@dataclass(eq=False)
class FakeUnitOfWork:
    """A transaction, or with `autocommit` a view whose every statement commits alone."""

    locks: RowLocks = field(default_factory=RowLocks)
    autocommit: bool = True
    failed: bool = False
    unlocked: set[Hashable] = field(default_factory=set)
    """The rows that were read and may have been changed by others since."""

    async def hold(self, *key: Hashable, shared: bool = False) -> None:
        """Lock a row until the end; raise DeadlockDetectedError after `DEADLOCK_S`."""
        try:
            async with asyncio.timeout(DEADLOCK_S):
                await self.locks.acquire(id(self), key, shared=shared)
        except TimeoutError:
            raise self.fail(asyncpg.DeadlockDetectedError("deadlock detected")) from None
        if self.autocommit:
            self.release()

    def holds(self, *key: Hashable) -> bool:
        """Return whether this transaction has locked the row."""
        return self.locks.holds(id(self), key)

    async def read(self, *key: Hashable, lock: bool) -> None:
        """Note that a row is read: it is locked until the end, or may change meanwhile.

        Rows that an account has are counted under the lock of the account: others may add some.
        """
        if lock:
            await self.hold(*key)
            self.unlocked.discard(key)
        elif not self.autocommit and not self.holds(*key):
            self.unlocked.add(key)

    def require_lock(self, *key: Hashable) -> None:
        """Raise if this transaction decides by a row that it has read without a lock.

        PostgreSQL carries the change out, and undoes what others have committed since.
        """
        if key in self.unlocked:
            raise AssertionError(f"{key} was read without a lock, and may have changed since")

    def require_row(self, rows: Container[K], key: K, constraint: str) -> None:
        """Raise the driver's error for a reference to a missing row."""
        if key not in rows:
            raise self.fail(foreign_key_violation(constraint))

    def try_hold(self, *key: Hashable) -> bool:
        """Lock a row until the end without waiting; return whether it was locked."""
        return self.locks.try_acquire(id(self), key)

    def release(self) -> None:
        """Release all locks."""
        self.locks.release(id(self))

    def fail(self, error: Exception) -> Exception:
        """Mark the transaction as failed, which refuses every further statement."""
        self.failed = not self.autocommit
        return error

    def check(self, *values: object) -> None:
        """Raise if a text contains characters that PostgreSQL cannot store."""
        for value in values:
            for text in _texts(value):
                if "\0" in text:
                    raise self.fail(asyncpg.CharacterNotInRepertoireError("0x00"))
                if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
                    # The driver cannot encode it: nothing was sent.
                    raise asyncpg.DataError("surrogates not allowed")


def unique_violation(constraint: str) -> asyncpg.UniqueViolationError:
    """Return the driver's error for a duplicate key."""
    error = asyncpg.UniqueViolationError(constraint)
    error.constraint_name = constraint
    return error


def foreign_key_violation(constraint: str) -> asyncpg.ForeignKeyViolationError:
    """Return the driver's error for a reference to a missing row."""
    error = asyncpg.ForeignKeyViolationError(constraint)
    error.constraint_name = constraint
    return error


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _texts(asdict(value))
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _texts(key)
            yield from _texts(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _texts(member)
