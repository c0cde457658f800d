"""Requests with an idempotency key."""

from dataclasses import dataclass
from typing import Any

import httpx2

from tests.conftest import PASSWORD, Person

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
BODIES: dict[str, dict[str, Any]] = {
    "POST /auth/register": {"email": "eve@example.com", "password": PASSWORD},
    "POST /users": {"email": "eve@example.com", "password": PASSWORD},
    "POST /auth/access-tokens": {"name": "backup", "scopes": ["items:read"]},
    "POST /service-accounts": {"name": "import", "scopes": ["items:read"]},
    "POST /service-accounts/{id}/access-tokens": {"name": "backup", "scopes": ["items:read"]},
    "POST /invites": {"email": "eve@example.com", "role": "user"},
    "POST /items": {"title": "Engine"},
    "POST /tasks": {"data": {"n": 1}},
    "PATCH /users/me": {"password": "another good password", "current_password": PASSWORD},
    "PATCH /users/{id}": {"password": "another good password"},
    "PATCH /items/{id}": {"title": "Engine"},
    "PATCH /auth/passkeys/{id}": {"name": "Phone"},
}


@dataclass(frozen=True, slots=True)
class Caller:
    """An admin who sends requests with a key."""

    client: httpx2.AsyncClient
    admin: Person
    other: Person
    item: str
    machine: str
    passkey: str

    async def send(self, route: str, body: Any, **headers: str) -> httpx2.Response:
        """Send the request of a route; `headers` replace the key."""
        method, path = route.split()
        path = path.replace("users/{id}", f"users/{self.other.user.id}")
        path = path.replace("passkeys/{id}", f"passkeys/{self.passkey}")
        path = path.replace("accounts/{id}", f"accounts/{self.machine}").format(id=self.item)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Idempotency-Key": KEY, **self.admin.headers, **named}
        return await self.client.request(method, path, json=body, headers=sent)
