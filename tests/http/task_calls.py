"""Helpers that call the task endpoints."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2

from jubilee.domain.tasks.task import TaskStatus
from tests.conftest import Person
from tests.fakes.store import FakeStore


async def post_task(client: httpx2.AsyncClient, by: Person, **body: object) -> httpx2.Response:
    sent = {"data": {"n": 1}, **body}
    return await client.post("/tasks", json=sent, headers=by.headers)


async def create_task(client: httpx2.AsyncClient, by: Person, **body: object) -> dict[str, Any]:
    response = await post_task(client, by, **body)
    assert response.status_code == 202, response.text
    task: dict[str, Any] = response.json()
    return task


def set_status(store: FakeStore, task: dict[str, Any], status: TaskStatus) -> None:
    key = UUID(task["id"])
    finished = None if status.is_live else store.clock()
    store.tasks[key] = replace(store.tasks[key], status=status, finished_at=finished)
