"""Service accounts in memory."""

from collections.abc import MutableMapping
from dataclasses import dataclass, replace

from jubilee.domain.clock import Clock
from jubilee.domain.identity import UserId
from jubilee.domain.paging import Page, Position
from jubilee.domain.service_accounts.account import (
    ServiceAccount,
    ServiceAccountRepository,
)
from jubilee.domain.users.user import User
from tests.fakes.rows import FakeUnitOfWork


@dataclass(frozen=True, slots=True)
class FakeServiceAccounts(ServiceAccountRepository):
    """Service accounts in a dict, beside their accounts."""

    rows: MutableMapping[UserId, ServiceAccount]
    users: MutableMapping[UserId, User]
    clock: Clock
    unit: FakeUnitOfWork

    async def find(self, account_id: UserId) -> ServiceAccount | None:
        found = self.rows.get(account_id)
        return None if found is None else self._current(found)

    async def page(self, *, after: Position | None, limit: int) -> Page[ServiceAccount]:
        found = [one for one in self.rows.values() if after is None or _position(one) < after]
        rows = sorted(found, key=_position, reverse=True)
        more = len(rows) > limit
        current = [self._current(one) for one in rows[:limit]]
        return Page(current, _position(rows[limit - 1]) if more else None)

    async def add(self, account: ServiceAccount) -> None:
        self.unit.check(account.name)
        self.unit.require_row(self.users, account.id, "fk_service_accounts_id")
        self.rows[account.id] = account

    async def replace_secret(self, account_id: UserId, secret_hash: bytes) -> None:
        self.unit.require_lock("user", account_id)
        found = self.rows.get(account_id)
        if found is not None:
            self.rows[account_id] = replace(found, secret_hash=secret_hash)

    def _current(self, account: ServiceAccount) -> ServiceAccount:
        owner_id = account.owner_id if account.owner_id in self.users else None
        is_active = self.users[account.id].may_sign_in(self.clock())
        return replace(account, is_active=is_active, owner_id=owner_id)


def _position(account: ServiceAccount) -> Position:
    return account.created_at.isoformat(), str(account.id)
