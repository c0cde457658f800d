"""The guard of password checks over Redis, and over memory while Redis does not answer."""

from time import monotonic

from jubilee.adapters.redis.attempts import RedisAttemptStore
from jubilee.bootstrap.adapters import Adapters
from jubilee.bootstrap.deadline import request_time_left
from jubilee.domain.attempts.attempt import DEFAULT_LIMITS, AttemptLimits
from jubilee.domain.attempts.guard import AttemptGuard
from jubilee.domain.attempts.memory import FallbackAttemptStore, MemoryAttemptStore
from jubilee.domain.factors.verifier import CODE_LIMITS

OWN_LIMITS = AttemptLimits(account=5, address=30)
"""Of one process without Redis: half, as there may be several of them."""


OWN_CODE_LIMITS = AttemptLimits(account=3)


def code_guard(adapters: Adapters, secret: bytes) -> AttemptGuard:
    """Build the guard of second factors, which hashes no password and so needs no place for it."""
    shared = RedisAttemptStore(adapters.redis, CODE_LIMITS, secret)
    return AttemptGuard(
        store=FallbackAttemptStore(shared, MemoryAttemptStore(OWN_CODE_LIMITS, monotonic)),
        write=adapters.write,
        observer=adapters.telemetry.attempts,
        time_left=request_time_left,
    )


def attempt_guard(adapters: Adapters, secret: bytes) -> AttemptGuard:
    """Build the guard; `secret` is the key of the names of the counters."""
    shared = RedisAttemptStore(adapters.redis, DEFAULT_LIMITS, secret)
    return AttemptGuard(
        store=FallbackAttemptStore(shared, MemoryAttemptStore(OWN_LIMITS, monotonic)),
        write=adapters.write,
        observer=adapters.telemetry.attempts,
        time_left=request_time_left,
        require_place=adapters.hasher.require_place,
    )
