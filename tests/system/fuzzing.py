"""Hooks that Schemathesis loads: who is asking, given by FUZZ_ROLE (user, admin or anonymous).

What it calls changes passwords, signs out and deletes accounts: a refused caller gets another
account, so that all operations can take part.
"""

import asyncio
import os
import secrets
from ipaddress import IPv4Address
from typing import Any

import asyncpg
import httpx2
import schemathesis

from tests.support.api import bearer, sign_up

ROLE = os.environ["FUZZ_ROLE"]
MAX_WAIT_S, LONGEST_WAIT_S = 0.2, 60  # what is sent at most, and what the document allows
TLS = httpx2.create_ssl_context()  # made once: each takes 30 ms
PROMOTE = "UPDATE users SET is_superuser = true WHERE username = $1"


class FreshAccount:
    """An account for one test case."""

    def get(self, case: Any, context: Any) -> dict[str, str]:
        """Return the Authorization header."""
        name = f"fuzz-{secrets.token_hex(6)}"
        # Of its own address: wrong passwords that are sent as test cases lock that of the others.
        origin = {"X-Forwarded-For": str(IPv4Address(secrets.randbits(32)))}
        url = os.environ["FUZZ_URL"]
        with httpx2.Client(base_url=url, headers=origin, timeout=10, verify=TLS) as client:
            tokens = sign_up(client, name)
        if ROLE == "admin":
            asyncio.run(_promote(name))
        return bearer(tokens)

    def set(self, case: Any, header: dict[str, str], context: Any) -> None:
        """Add the header to the request."""
        case.headers = {**(case.headers or {}), **header}


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Leave out what is not as the document says, although Schemathesis takes it for that.

    A task without a kind is accepted as `echo`, which is not documented. The coverage phase drops
    the pattern of a header, and then takes `0` for an entity tag.
    """
    without_kind = isinstance(case.body, dict) and "kind" not in case.body
    conditions = {(case.headers or {}).get(name) for name in ("If-Match", "If-None-Match")}
    return "0" not in conditions and not (case.operation.label == "POST /tasks" and without_kind)


@schemathesis.hook
def map_query(context: Any, query: Any) -> Any:
    """Shorten waits: no worker runs here, so no task ends."""
    wait = query.get("wait") if isinstance(query, dict) else None
    if isinstance(wait, int | float) and MAX_WAIT_S < wait <= LONGEST_WAIT_S:
        return {**query, "wait": MAX_WAIT_S}
    return query


async def _promote(name: str) -> None:
    connection = await asyncpg.connect(os.environ["FUZZ_DATABASE_URL"])
    try:
        await connection.execute(PROMOTE, name)
    finally:
        await connection.close()


if ROLE != "anonymous":
    refused = [401, 403] if ROLE == "admin" else [401]
    schemathesis.auth(retry_on=refused)(FreshAccount)
