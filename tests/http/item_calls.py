"""Helpers that call the item endpoints."""

from typing import Any

import httpx2

from tests.conftest import Person


async def create_item(client: httpx2.AsyncClient, by: Person, **words: object) -> httpx2.Response:
    """Create an item and return the response."""
    body = {"title": "Fairy lights", "description": "warm white", **words}
    response = await client.post("/items", json=body, headers=by.headers)
    assert response.status_code == 201
    return response


async def list_titles(
    client: httpx2.AsyncClient, by: Person, query: dict[str, str] | None = None
) -> list[str]:
    response = await client.get("/items", params=query, headers=by.headers)
    assert response.status_code == 200
    return [item["title"] for item in response.json()["items"]]


def assert_problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    return problem
