"""Leaked passwords of Have I Been Pwned: its range API or a mirror of it, or its list as a file."""

import asyncio
import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from jubilee.domain.breaches import BreachesUnreadable, BreachReader
from jubilee.domain.ip_addresses import Address
from jubilee.domain.jobs.kinds import JobError
from jubilee.domain.outbound.request import HttpRequest, read_request
from jubilee.domain.outbound.sending import HttpSender

PREFIX_CHARS = 5  # of the digest, which is all that leaves the machine
DIGEST_CHARS = 40
OK = 200
MAX_RANGE_BYTES = 262_144  # a padded range has about 80 000
MAX_LINE_BYTES = 128
FILE_THREADS = 2


class PwnedPasswordsApi(BreachReader):
    """Asks for all digests that share a prefix; padding hides how many there are."""

    def __init__(self, url: str, sender: HttpSender) -> None:
        """`url` ends before the prefix: `https://api.pwnedpasswords.com/range`."""
        self._url = url
        self._sender = sender

    async def contains(self, digest: str) -> bool:
        prefix, suffix = digest[:PREFIX_CHARS], digest[PREFIX_CHARS:]
        try:
            reply = await self._sender.send(self._request(prefix), _operators_choice)
        except JobError as error:
            raise BreachesUnreadable(str(error)) from None
        if reply.status != OK or reply.truncated:
            raise BreachesUnreadable(f"status {reply.status}, {len(reply.body)} bytes")
        return suffix.encode() in _leaked(reply.body)

    def _request(self, prefix: str) -> HttpRequest:
        headers = {"Add-Padding": "true"}
        return read_request({"url": f"{self._url}/{prefix}", "method": "GET", "headers": headers})


class PwnedPasswordsFile(BreachReader):
    """Searches a file of lines `digest:count`, sorted by digest, on threads of its own.

    A search reads about 40 lines of the largest list, and keeps none in memory. The file is opened
    for each one, so it can be replaced at any time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(FILE_THREADS, "leaked-passwords")

    async def contains(self, digest: str) -> bool:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._search, digest.encode())
        except OSError as error:
            raise BreachesUnreadable(error.strerror or type(error).__name__) from None

    def close(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _search(self, digest: bytes) -> bool:
        with self._path.open("rb", buffering=MAX_LINE_BYTES) as file:
            low, high = 0, os.fstat(file.fileno()).st_size
            while low < high:
                middle = (low + high) // 2
                start, line = _line_from(file, middle)
                found = line[:DIGEST_CHARS].upper()
                if start >= high or found > digest:
                    high = middle
                elif found < digest:
                    low = start + len(line)
                else:
                    return True
        return False


def _line_from(file: BinaryIO, offset: int) -> tuple[int, bytes]:
    """Return the first line that begins at `offset` or later, and where it begins."""
    start = offset
    if offset > 0:
        file.seek(offset - 1)
        start += len(_line(file)) - 1
    file.seek(start)
    return start, _line(file)


def _line(file: BinaryIO) -> bytes:
    line = file.readline(MAX_LINE_BYTES)
    if len(line) == MAX_LINE_BYTES:
        raise BreachesUnreadable("a line of the file is too long")
    return line


def _leaked(body: bytes) -> Collection[bytes]:
    """Return the suffixes of lines `suffix:count`; those that pad the answer have the count 0."""
    pairs = (line.strip().partition(b":") for line in body.splitlines())
    return {suffix.upper() for suffix, _, count in pairs if count.isdigit() and count.strip(b"0")}


def _operators_choice(_: Address) -> bool:
    """Allow any address: the operator names the host, which may be a mirror inside."""
    return True
