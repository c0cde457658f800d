"""Breaches of other services: whether a new password is among the leaked ones.

The check fails open: a source that cannot be read refuses no password. Only the beginning of a
password's SHA-1 ever leaves the machine.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha1
from typing import Protocol

CHECK_TIMEOUT_S = 1.0
PAUSE_S = 30.0
"""After a failure, in which no password is checked: a dead source delays few requests."""


class BreachesUnreadable(Exception):
    """The source did not answer; the text is the cause, for the log."""


class BreachCheckOutcome(StrEnum):
    """How a check ended."""

    LEAKED = "leaked"
    NOT_FOUND = "not_found"
    UNCHECKED = "unchecked"


# Ports


class BreachReader(Protocol):
    """Reads the passwords that have been leaked."""

    async def contains(self, digest: str) -> bool:
        """Return whether a leaked password has this SHA-1, as 40 hex digits in upper case.

        Raises BreachesUnreadable.
        """


class BreachObserver(Protocol):
    """Counts checks and logs failures; must be quick and must not raise."""

    def breach_check_ended(self, outcome: BreachCheckOutcome) -> None:
        """A password was looked for."""

    def breaches_unreadable(self, cause: str) -> None:
        """The source failed; for a while, no password is checked."""


@dataclass(slots=True)
class BreachCheck:
    """Looks for passwords within CHECK_TIMEOUT_S; pauses after a failure."""

    reader: BreachReader
    observer: BreachObserver
    now: Callable[[], float]
    """Returns seconds."""
    timeout_s: float = CHECK_TIMEOUT_S
    paused_until: float = 0.0

    async def is_leaked(self, password: str) -> bool:
        """Return whether the password is known to be leaked; False if that cannot be told."""
        outcome = await self._outcome(password)
        self.observer.breach_check_ended(outcome)
        return outcome is BreachCheckOutcome.LEAKED

    async def _outcome(self, password: str) -> BreachCheckOutcome:
        if self.now() < self.paused_until:
            return BreachCheckOutcome.UNCHECKED
        try:
            async with asyncio.timeout(self.timeout_s):
                found = await self.reader.contains(_digest(password))
        except (BreachesUnreadable, TimeoutError) as error:
            self.paused_until = self.now() + PAUSE_S
            self.observer.breaches_unreadable(str(error) or "no answer in time")
            return BreachCheckOutcome.UNCHECKED
        return BreachCheckOutcome.LEAKED if found else BreachCheckOutcome.NOT_FOUND


def _digest(password: str) -> str:
    """Return the SHA-1 by which lists of leaked passwords are sorted; it is stored nowhere."""
    octets = password.encode("utf-8", "surrogatepass")
    return sha1(octets, usedforsecurity=False).hexdigest().upper()
