"""Statements of lists read one row more than a page has: it tells whether there are more."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest

from jubilee.adapters.postgres.api_tokens import PostgresApiTokens
from jubilee.adapters.postgres.audit import PostgresAuditLog
from jubilee.adapters.postgres.birthdays import PostgresBirthdays
from jubilee.adapters.postgres.invites import PostgresInvites
from jubilee.adapters.postgres.items import PostgresItems
from jubilee.adapters.postgres.jobs.tasks import PostgresTasks
from jubilee.adapters.postgres.own_mails import PostgresOwnMails
from jubilee.adapters.postgres.service_accounts import PostgresServiceAccounts
from jubilee.adapters.postgres.statement import Executor
from jubilee.adapters.postgres.users import PostgresUsers
from jubilee.domain.audit.entry import AuditFilter
from jubilee.domain.calendar import LeapDayRule, LocalDates, Window
from jubilee.domain.identity import UserId
from jubilee.domain.items import ItemFilter
from jubilee.domain.tasks.task import TaskFilter

USER = UserId(uuid4())
NOW = datetime(2024, 5, 1, tzinfo=UTC)
WINDOW = Window(LocalDates(date(2024, 5, 1), {}), 0, 0, LeapDayRule.FEB28)
FIRST: dict[str, Any] = {"after": None, "limit": 7}
UNUSED: Any = None
"""No list reads it."""

LISTS: dict[str, Callable[[Executor], Awaitable[Any]]] = {
    "accounts": lambda e: PostgresUsers(e, UNUSED).page(search=None, **FIRST),
    "audit": lambda e: PostgresAuditLog(e, UNUSED, UNUSED, UNUSED).page(AuditFilter(), **FIRST),
    "birthdays": lambda e: PostgresBirthdays(e).list_window(WINDOW, **FIRST),
    "invites": lambda e: PostgresInvites(e).page(now=NOW, **FIRST),
    "items": lambda e: PostgresItems(e).page(ItemFilter(), **FIRST),
    "mails": lambda e: PostgresOwnMails(e).page(USER, **FIRST),
    "service accounts": lambda e: PostgresServiceAccounts(e).page(**FIRST),
    "tasks": lambda e: PostgresTasks(e).page(TaskFilter(), **FIRST),
    "tokens": lambda e: PostgresApiTokens(e).page(USER, **FIRST),
}


class EmptyTables:
    """A driver that keeps the values of statements and finds no rows."""

    def __init__(self) -> None:
        """No statement has been run."""
        self.values: tuple[object, ...] = ()

    async def fetch(self, _sql: str, *values: object) -> list[Any]:
        """No row is found."""
        self.values = values
        return []


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_reads_one_row_more_than_its_page(name: str) -> None:
    driver: Any = EmptyTables()
    found = await LISTS[name](Executor(driver))
    assert (found.rows, found.after) == ([], None)
    assert [value for value in driver.values if isinstance(value, int) and 6 <= value <= 9] == [8]
