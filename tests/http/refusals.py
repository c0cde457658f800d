"""Checks of problem documents."""

from typing import Any

from httpx2 import Response

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


def problem(answer: Response, status: int, code: str) -> dict[str, Any]:
    """Check and return the problem document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document.keys() >= MEMBERS
    assert (document["status"], document["code"]) == (status, code), answer.text
    assert document["type"] == f"/problems/{code}"
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


def pointers(answer: Response, status: int = 422, code: str = "invalid_request") -> set[str]:
    """Pointers of the violations."""
    return {violation["pointer"] for violation in problem(answer, status, code)["errors"]}
