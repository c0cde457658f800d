"""Attempts at passwords, counted in Redis: every process counts in the same place.

Redis and not PostgreSQL, because a refused attempt must cost less than the hash that it saves: one
round trip in memory, no row, no write-ahead log, and counters that expire by themselves. A Redis
that loses its data forgets a quarter of an hour of counting and which addresses are known.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from time import time
from typing import Any, TypeVar
from uuid import UUID

from redis.asyncio import Redis

from jubilee.adapters.redis.client import RedisAway, RedisClient
from jubilee.domain.attempts.attempt import Admission, AttemptLimits, AttemptStore, PasswordAttempt
from jubilee.domain.errors import Unavailable
from jubilee.domain.identity import UserId

T = TypeVar("T")

PREFIX = "jubilee:attempts:"
HASH_BYTES = 16
KNOWN_S = 90 * 86_400  # after the last sign-in from an address
MAX_KNOWN_ADDRESSES = 20  # of an account; the one not used for longest is forgotten
MAX_ENDED_LOCKS = 100  # returned at once
NO_LIMIT = 1 << 53

BEGIN = """
local seconds, member, now = ARGV[3], ARGV[4], tonumber(ARGV[5])
local is_known = tonumber(redis.call('ZSCORE', KEYS[3], member) or 0) > now
local counters = {{KEYS[1], tonumber(ARGV[1])}, {KEYS[2], tonumber(ARGV[2])}}
if is_known then counters = {{KEYS[4], tonumber(ARGV[1])}} end
local wait_ms = 0
for _, counter in ipairs(counters) do
  if tonumber(redis.call('GET', counter[1]) or 0) >= counter[2] then
    wait_ms = math.max(wait_ms, redis.call('PTTL', counter[1]), 1)
  end
end
local left = {0, -1}
if wait_ms == 0 then
  for i, counter in ipairs(counters) do
    local count = redis.call('INCR', counter[1])
    if count == 1 or count == counter[2] then redis.call('EXPIRE', counter[1], seconds) end
    left[i] = counter[2] - count
  end
end
return {left[1], left[2], is_known and 1 or 0, wait_ms}
"""
"""KEYS: the counters of account and address, the account's known addresses, the pair's counter.

ARGV: the limits of account and address, the length of a lock in seconds, the address, the time. A
counter at its limit is the lock, and lasts for the whole length from then on.
"""

UNCOUNT = """
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or 0) > 0 then redis.call('DECR', key) end
end
"""
POP_ENDED = """
local ended = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
if #ended > 0 then redis.call('ZREM', KEYS[1], unpack(ended)) end
return ended
"""


@dataclass(frozen=True, slots=True)
class AttemptKeys:
    """The keys of an attempt in Redis, and its address as a member of `known`."""

    account: str
    address: str
    known: str
    pair: str
    member: str

    def counters(self, admission: Admission) -> tuple[str, ...]:
        """Return those in which the attempt was counted, the account's first."""
        return (self.pair,) if admission.is_known else (self.account, self.address)


class RedisAttemptStore(AttemptStore):
    """Counts by scripts, each of them one atomic step; raises Unavailable without Redis.

    Keys and addresses are keyed hashes: no login and no address can be read from Redis, and
    services with different keys do not share counters.
    """

    def __init__(
        self,
        client: RedisClient,
        limits: AttemptLimits,
        secret: bytes,
        now: Callable[[], float] = time,
    ) -> None:
        """`secret` is the key of the hashes; `now` returns seconds since 1970."""
        self._client = client
        self._limits = limits
        self._secret = secret
        self._now = now
        self._locks = self._key("locks")

    async def begin(self, attempt: PasswordAttempt) -> Admission:
        keys, limits = self._keys(attempt), self._limits
        address_limit = NO_LIMIT if attempt.address is None else limits.address
        values = (limits.account, address_limit, limits.window_s, keys.member, self._now())
        names = (keys.account, keys.address, keys.known, keys.pair)
        left, of_address, is_known, wait_ms = await self._eval(BEGIN, names, *values)
        return Admission(
            left=left,
            left_of_address=of_address if of_address >= 0 else None,
            is_known=bool(is_known),
            retry_after_s=math.ceil(wait_ms / 1000) if wait_ms else None,
        )

    async def succeed(self, attempt: PasswordAttempt, admission: Admission) -> bool:
        keys = self._keys(attempt)
        own, *others = keys.counters(admission)
        is_lifted = attempt.user_id is not None and not admission.is_known

        async def reset(redis: Redis) -> Sequence[Any]:
            async with redis.pipeline() as pipe:
                pipe.delete(own)
                pipe.eval(UNCOUNT, len(others), *others)
                if attempt.user_id is not None and attempt.address is not None:
                    pipe.zadd(keys.known, {keys.member: self._now() + KNOWN_S})
                    pipe.zremrangebyrank(keys.known, 0, -MAX_KNOWN_ADDRESSES - 1)
                    pipe.expire(keys.known, KNOWN_S)
                if is_lifted:
                    pipe.zrem(self._locks, str(attempt.user_id))
                replies: Sequence[Any] = await pipe.execute()
                return replies

        return bool((await self._run("MULTI", reset))[-1]) and is_lifted

    async def withdraw(self, attempt: PasswordAttempt, admission: Admission) -> None:
        await self._eval(UNCOUNT, self._keys(attempt).counters(admission))

    async def add_lock(self, user_id: UserId, *, seconds: int) -> None:
        ends = self._now() + seconds
        await self._run("ZADD", lambda redis: redis.zadd(self._locks, {str(user_id): ends}))

    async def lift(self, user_id: UserId) -> bool:
        keys = self._keys(PasswordAttempt.sign_in("", user_id, None))

        async def reset(redis: Redis) -> bool:
            members = [member.decode() for member in await redis.zrange(keys.known, 0, -1)]
            pairs = [self._key("pair", str(user_id), member) for member in members]
            await redis.delete(keys.account, *pairs)
            return bool(await redis.zrem(self._locks, str(user_id)))

        return await self._run("DEL", reset)

    async def pop_ended_locks(self) -> Sequence[UserId]:
        ended = await self._eval(POP_ENDED, (self._locks,), self._now(), MAX_ENDED_LOCKS)
        return [UserId(UUID(member.decode())) for member in ended]

    def _keys(self, attempt: PasswordAttempt) -> AttemptKeys:
        user_id, member = str(attempt.user_id), self._hash(attempt.address or "")
        return AttemptKeys(
            account=self._key(attempt.target),
            address=self._key("address", member),
            known=self._key("known", user_id),
            pair=self._key("pair", user_id, member),
            member=member,
        )

    def _key(self, *parts: str) -> str:
        return PREFIX + self._hash("\0".join(parts))

    def _hash(self, text: str) -> str:
        content = text.encode("utf-8", "surrogatepass")
        return blake2b(content, key=self._secret, digest_size=HASH_BYTES).hexdigest()

    async def _eval(self, script: str, keys: Sequence[str], *values: str | float) -> Sequence[Any]:
        async def evaluate(redis: Redis) -> Sequence[Any]:
            reply: Sequence[Any] = await redis.execute_command(
                "EVAL", script, len(keys), *keys, *values
            )
            return reply

        return await self._run("EVAL", evaluate)

    async def _run(self, name: str, command: Callable[[Redis], Awaitable[T]]) -> T:
        try:
            return await self._client.run(name, command)
        except RedisAway as error:
            raise Unavailable(reason="Redis does not answer") from error
