"""Password hashes by Argon2id, on a few threads of low priority beside the event loop."""

import asyncio
import math
import os
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from time import monotonic, sleep, thread_time
from typing import TypeVar

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from jubilee.domain.passwords import HasherBusy, PasswordHasher

T = TypeVar("T")

NICENESS = 10  # of the threads: the event loop has priority in a burst of sign-ins
MIN_QUEUED, MAX_QUEUED_PER_THREAD = 8, 100
MAX_WAIT_S = 2.0  # of a queue beyond the first places: most of a longer one ends at its deadline
MEAN_WEIGHT = 0.1  # of the latest hash in the mean of what one takes
REST_RATIO = 8.0  # of the rest of a thread after a wrong password: guesses get a ninth of a core
CLIENT_RATIO = 2  # half of the queue is what the hashes of one client may fill


class Argon2Passwords(PasswordHasher):
    """Hashes on `threads` threads.

    Raises HasherBusy if the queue is full or takes longer than `max_wait_s`, or half of it with
    hashes of the same `client`, or if the request's `deadline` (by `time.monotonic`) passes first.
    """

    max_wait_s = MAX_WAIT_S

    def __init__(
        self,
        *,
        time_cost: int,
        memory_kib: int,
        threads: int,
        deadline: Callable[[], float] = lambda: math.inf,
        client: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`client` returns the user or the address behind the current request."""
        self._argon2 = Argon2(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(threads, "argon2", initializer=_lower_priority)
        self._deadline = deadline
        self._client = client
        self._max_queued = threads * MAX_QUEUED_PER_THREAD
        self._count = threads
        self._queued = 0
        self._of_client: Counter[str] = Counter()
        self._dummy_hash = _dummy_hash(self._argon2)
        self._mean_s = 0.0
        """What a hash takes, once there was one."""

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._argon2.hash(_bytes(password)))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        stored = password_hash or self._dummy_hash
        matches = await self._run(lambda: self._matches(stored, password))
        return matches and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        with suppress(InvalidHashError):
            return self._argon2.check_needs_rehash(password_hash)
        return False

    def require_place(self) -> None:
        """Raise HasherBusy if a hash for the current request would be refused now."""
        mean_s = self._mean_s
        quick_enough = self.max_wait_s * self._count / mean_s if mean_s else math.inf
        places = min(self._max_queued, max(MIN_QUEUED, quick_enough))
        client = self._client()
        mine = 0 if client is None else self._of_client[client]
        if self._queued >= places or mine >= places / CLIENT_RATIO:
            raise HasherBusy

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        began = thread_time()
        try:
            return self._argon2.verify(stored, _bytes(password))
        except (VerificationError, InvalidHashError):
            sleep(REST_RATIO * (thread_time() - began))
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        left = self._deadline() - monotonic()
        with self._place():
            try:
                async with asyncio.timeout(None if math.isinf(left) else left):
                    return await asyncio.get_running_loop().run_in_executor(
                        self._threads, self._timed, work
                    )
            except TimeoutError as error:
                raise HasherBusy from error

    def _timed(self, work: Callable[[], T]) -> T:
        began = monotonic()
        result = work()
        took_s = monotonic() - began
        mean_s = self._mean_s or took_s
        self._mean_s = mean_s + MEAN_WEIGHT * (took_s - mean_s)
        return result

    @contextmanager
    def _place(self) -> Iterator[None]:
        self.require_place()
        client = self._client()
        self._queued += 1
        if client is not None:
            self._of_client[client] += 1
        try:
            yield
        finally:
            self._queued -= 1
            if client is not None:
                self._of_client[client] -= 1
                if not self._of_client[client]:
                    del self._of_client[client]


def _dummy_hash(argon2: Argon2) -> str:
    """Return a hash that takes as long to check as a real one, and that no password has."""
    cost = f"m={argon2.memory_cost},t={argon2.time_cost},p={argon2.parallelism}"
    salt, digest = (
        b64encode(os.urandom(size)).decode().rstrip("=")
        for size in (argon2.salt_len, argon2.hash_len)
    )
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _lower_priority() -> None:
    with suppress(AttributeError, OSError):  # only Linux has priorities of threads
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
