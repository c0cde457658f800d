"""Password hashes by Argon2id, on a few threads of low priority beside the event loop."""

import asyncio
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TypeVar

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError

from jubilee.domain.passwords import HasherBusy, PasswordHasher

T = TypeVar("T")

NICENESS = 10  # of the threads: the event loop has priority in a burst of sign-ins
MAX_QUEUED_PER_THREAD = 100  # hashes of about 20 ms each: beyond it the wait would be seconds
CLIENT_RATIO = 2  # half of the queue is what the hashes of one client may fill


class Argon2Passwords(PasswordHasher):
    """Hashes on `threads` threads.

    Raises HasherBusy if the queue is full, or half of it with hashes of the same `client`, or if
    the request's `deadline` (by `time.monotonic`) passes first.
    """

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
        self._free_places = threads * MAX_QUEUED_PER_THREAD
        self._max_of_client = self._free_places // CLIENT_RATIO
        self._of_client: Counter[str] = Counter()
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

    def require_place(self) -> None:
        """Raise HasherBusy if a hash for the current request would be refused now."""
        client = self._client()
        mine = 0 if client is None else self._of_client[client]
        if self._free_places <= 0 or mine >= self._max_of_client:
            raise HasherBusy

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        left = self._deadline() - monotonic()
        with self._place():
            try:
                async with asyncio.timeout(None if math.isinf(left) else left):
                    return await asyncio.get_running_loop().run_in_executor(self._threads, work)
            except TimeoutError as error:
                raise HasherBusy from error

    @contextmanager
    def _place(self) -> Iterator[None]:
        self.require_place()
        client = self._client()
        self._free_places -= 1
        if client is not None:
            self._of_client[client] += 1
        try:
            yield
        finally:
            self._free_places += 1
            if client is not None:
                self._of_client[client] -= 1
                if not self._of_client[client]:
                    del self._of_client[client]


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _lower_priority() -> None:
    with suppress(AttributeError, OSError):  # only Linux has priorities of threads
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
