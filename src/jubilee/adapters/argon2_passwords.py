"""Password hashes by Argon2id, on a few threads of low priority beside the event loop."""

import asyncio
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import TypeVar

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError

from jubilee.domain.passwords import HasherBusy, PasswordHasher

T = TypeVar("T")

NICENESS = 10  # of the threads: the event loop has priority in a burst of sign-ins
MAX_QUEUED_PER_THREAD = 100  # hashes of about 20 ms each: beyond it the wait would be seconds


class Argon2Passwords(PasswordHasher):
    """Hashes on `threads` threads.

    Raises HasherBusy if the queue is full, or if the request's `deadline` (by `time.monotonic`)
    passes first.
    """

    def __init__(
        self,
        *,
        time_cost: int,
        memory_kib: int,
        threads: int,
        deadline: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._argon2 = Argon2(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(threads, "argon2", initializer=_lower_priority)
        self._deadline = deadline
        self._free_places = threads * MAX_QUEUED_PER_THREAD
        self._dummy_hash = self._argon2.hash(os.urandom(16).hex())

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

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._free_places <= 0:
            raise HasherBusy
        self._free_places -= 1
        left = self._deadline() - monotonic()
        try:
            async with asyncio.timeout(None if math.isinf(left) else left):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError as error:
            raise HasherBusy from error
        finally:
            self._free_places += 1


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _lower_priority() -> None:
    with suppress(AttributeError, OSError):  # only Linux has priorities of threads
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
