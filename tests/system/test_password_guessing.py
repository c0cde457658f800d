"""Wrong passwords against running processes that share Redis, and without Redis."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import httpx2
import pytest

from jubilee.bootstrap.attempts import OWN_LIMITS
from jubilee.domain.attempts.attempt import DEFAULT_LIMITS
from tests.support.api import PASSWORD, Api, Starter, run
from tests.support.redis_servers import RedisServer
from tests.support.running import eventually

GUESSES = 50


@pytest.fixture
def apis(start_api: Starter, redis: RedisServer, database_url: str) -> Sequence[Api]:
    """Two processes of one service without rate limits."""
    started = [start_api(database_url, redis.url, RATE_LIMITS="off") for _ in range(2)]
    return [api.ready() for api in started]


def register(api: Api, name: str) -> None:
    form = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
    with api.client() as client:
        assert client.post("/users", json=form).status_code == 201


async def guess(apis: Sequence[Api], login: str) -> Sequence[httpx2.Response]:
    """Send wrong passwords to all processes at once."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(timeout=60, limits=limits) as client:
        calls = (
            client.post(
                f"{apis[number % len(apis)].url}/auth/token",
                data={"username": login, "password": f"wrong {number}"},
            )
            for number in range(GUESSES)
        )
        return await asyncio.gather(*calls)


def statuses(answers: Sequence[httpx2.Response]) -> Counter[int]:
    """Count the statuses; every refusal says how long to wait."""
    for answer in answers:
        wait = int(answer.headers.get("retry-after", 0))
        assert (0 < wait <= DEFAULT_LIMITS.window_s) == (answer.status_code == 429)
    return Counter(answer.status_code for answer in answers)


async def test_check_10_parallel_guesses_at_all_processes_together_stay_within_the_limit(
    apis: Sequence[Api], database_url: str, redis: RedisServer, tmp_path: Path
) -> None:
    register(apis[0], "zoe")
    expected = {400: DEFAULT_LIMITS.account, 429: GUESSES - DEFAULT_LIMITS.account}
    for login in ("zoe", "unknown"):
        assert statuses(await guess(apis, login)) == expected
    assert eventually(lambda: sum(api.output.count("account locked") for api in apis) == 1)
    unlocked = run(
        tmp_path, "user", "unlock", "zoe", DATABASE_URL=database_url, REDIS_URL=redis.url
    )
    assert (unlocked.returncode, unlocked.stderr) == (0, "")
    form = {"username": "zoe", "password": PASSWORD}
    with apis[1].client() as client:
        assert client.post("/auth/token", data=form).status_code == 200


async def test_check_43_guesses_are_limited_while_redis_is_away(
    apis: Sequence[Api], redis: RedisServer
) -> None:
    register(apis[0], "zoe")
    redis.kill()
    found = statuses(await guess(apis, "zoe"))
    assert found == {400: 2 * OWN_LIMITS.account, 429: GUESSES - 2 * OWN_LIMITS.account}
