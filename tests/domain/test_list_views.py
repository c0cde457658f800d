"""Which reads may lag behind the writes of other callers."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from jubilee.domain.audit.entry import AuditFilter
from jubilee.domain.items import ItemFilter
from jubilee.domain.services import Services
from jubilee.domain.tasks.task import TaskFilter
from tests.domain.birthday_service import ADMIN


class ListViewOpened(Exception):
    """A view for lists was opened."""


def refuse() -> AbstractAsyncContextManager[Any]:
    raise ListViewOpened


@pytest.mark.parametrize(
    "read_page",
    [
        lambda s: s.items.list(ItemFilter(), after=None, limit=1),
        lambda s: s.users.list(search=None, by=ADMIN, after=None, limit=1),
        lambda s: s.tasks.list(TaskFilter(), by=ADMIN, after=None, limit=1),
        lambda s: s.audit.list(AuditFilter(), by=ADMIN, after=None, limit=1),
        lambda s: s.audit.own(AuditFilter(), by=ADMIN, after=None, limit=1),
        lambda s: s.birthdays.upcoming(1, by=ADMIN, after=None, limit=1),
        lambda s: s.birthdays.today(by=ADMIN, after=None, limit=1),
    ],
    ids=["items", "users", "tasks", "audit", "own audit", "upcoming", "today"],
)
async def test_a_list_is_read_from_a_view_that_may_lag(
    services: Services, read_page: Callable[[Services], Awaitable[object]]
) -> None:
    lagging = replace(
        services,
        users=replace(services.users, read_list=refuse),
        items=replace(services.items, read_list=refuse),
        birthdays=replace(services.birthdays, read_list=refuse),
        tasks=replace(services.tasks, read_list=refuse),
        audit=replace(services.audit, read_list=refuse),
    )
    with pytest.raises(ListViewOpened):
        await read_page(lagging)
