"""The address of a master, from the Sentinels that watch it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from jubilee.adapters.redis.failures import NoMaster, redis_failure

ServerAddress = tuple[str, int]


class MasterFinder:
    """Asks all Sentinels at once: one that hangs must not use up the time of a command."""

    def __init__(
        self, master: str, sentinels: Sequence[ServerAddress], options: Mapping[str, Any]
    ) -> None:
        """`options` are those of a redis-py client that asks a Sentinel."""
        self._master, self._sentinels, self._options = master, sentinels, options

    async def __call__(self) -> ServerAddress:
        """Return the host and port that the first Sentinel to answer gives; raises NoMaster."""
        asking = [asyncio.create_task(self._ask(*sentinel)) for sentinel in self._sentinels]
        reasons: set[str] = set()
        try:
            for answer in asyncio.as_completed(asking):
                found = await answer
                if not isinstance(found, str):
                    return found
                reasons.add(found)
        finally:
            for task in asking:
                task.cancel()
            # Until they have closed their connections: the loop may end with this command.
            await asyncio.wait(asking)
        raise NoMaster(f"no Sentinel names a master: {', '.join(sorted(reasons))}")

    async def _ask(self, host: str, port: int) -> ServerAddress | str:
        """Return the master's address, or the reason why there is none."""
        sentinel = Redis(host=host, port=port, **self._options)
        try:
            state = await sentinel.sentinel_master(self._master)
        except (RedisError, OSError, TimeoutError) as error:
            return "unknown name" if "No such master" in str(error) else redis_failure(error)
        finally:
            await _close(sentinel)
        if state["is_sdown"] or state["is_odown"]:
            return "the master is down"
        return str(state["ip"]), int(state["port"])


async def _close(sentinel: Redis) -> None:
    """Close the connection, also when the task is cancelled meanwhile.

    redis-py closes in another task, which leaves the socket open if cancelled before it starts.
    """
    closing = asyncio.create_task(sentinel.aclose())
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        await asyncio.wait([closing])
        raise
