"""A list ends with its last row: a page that is full by chance is followed by no empty one."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeAlias

import pytest

from jubilee.adapters.ids import new_id
from jubilee.domain.account_mail import MailTemplate, account_mail
from jubilee.domain.api_tokens.token import ApiTokenId
from jubilee.domain.audit.entry import AuditEvent, AuditFilter
from jubilee.domain.calendar import LeapDayRule, Window, local_dates
from jubilee.domain.identity import UserId
from jubilee.domain.items import ItemFilter
from jubilee.domain.paging import Page, Position
from jubilee.domain.scopes import Scope
from jubilee.domain.service_accounts.account import ServiceAccount
from jubilee.domain.tasks.task import TaskFilter
from tests.contracts.account_rows import AccountRows, unique
from tests.contracts.accounts import NOW, make_user
from tests.contracts.conftest import Database

ListPage: TypeAlias = Callable[[Any, AccountRows, Position | None, int], Awaitable[Page[Any]]]

YEAR = Window(local_dates(NOW, "UTC"), 0, 366, LeapDayRule.MAR1)
LISTS: dict[str, ListPage] = {
    "accounts": lambda v, _, after, limit: v.users.page(search=None, after=after, limit=limit),
    "audit": lambda v, _, after, limit: v.audit.page(AuditFilter(), after=after, limit=limit),
    "birthdays": lambda v, _, after, limit: v.birthdays.list_window(YEAR, after=after, limit=limit),
    "invites": lambda v, _, after, limit: v.invites.page(now=NOW, after=after, limit=limit),
    "items": lambda v, _, after, limit: v.items.page(ItemFilter(), after=after, limit=limit),
    "mails": lambda v, zoe, after, limit: v.own_mails.page(zoe.user.id, after=after, limit=limit),
    "machines": lambda v, _, after, limit: v.service_accounts.page(after=after, limit=limit),
    "tasks": lambda v, _, after, limit: v.tasks.page(TaskFilter(), after=after, limit=limit),
    "tokens": lambda v, zoe, after, limit: v.api_tokens.page(zoe.user.id, after=after, limit=limit),
}


@pytest.fixture
async def zoe(database: Database) -> AccountRows:
    """An account that each list has two rows of, or one of it and one of another account."""
    zoe, other = AccountRows.make("zoe"), AccountRows.make("max")
    async with database.write() as tx:
        for account in (zoe, other):
            await account.add(tx)
            await tx.audit.record(AuditEvent.SIGN_IN, actor=account.user.id, subject=zoe.user.id)
            await add_machine(tx, account)
        await tx.jobs.add(account_mail(new_id(), zoe.user.id, MailTemplate.PASSWORD_CHANGED))
        second = replace(zoe.token, id=ApiTokenId(new_id()), token_hash=unique())
        await tx.api_tokens.add(second)
    return zoe


async def add_machine(tx: Any, owner: AccountRows) -> None:
    user = make_user(f"machine-{owner.user.id}")
    await tx.users.add(user)
    await tx.service_accounts.add(
        ServiceAccount(
            id=UserId(user.id),
            name="import",
            owner_id=owner.user.id,
            scopes=frozenset({Scope.ITEMS_READ}),
            secret_hash=unique(),
            created_at=NOW,
        )
    )


async def test_a_full_page_that_is_the_last_one_names_no_next(
    database: Database, zoe: AccountRows
) -> None:
    for name, read in LISTS.items():
        async with database.read() as view:
            whole = await read(view, zoe, None, 100)
            count = len(whole.rows)
            assert count > 1, name
            assert await read(view, zoe, None, count) == whole, name
            first = await read(view, zoe, None, count - 1)
            assert first.after is not None, name
            rest = await read(view, zoe, first.after, 1)
            assert [*first.rows, *rest.rows] == whole.rows, name
            assert (whole.after, rest.after) == (None, None), name
