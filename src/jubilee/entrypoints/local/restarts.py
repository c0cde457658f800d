"""Restarts of a supervised process, after delays that double while it keeps ending."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

FIRST_DELAY_S, MAX_DELAY_S = 0.5, 30.0  # before a restart
HEALTHY_AFTER_S = 60.0  # a process that ran for longer is restarted after FIRST_DELAY_S

Postponed = Callable[[str, float], None]
"""Told the reason of a restart, and the seconds until then."""


@dataclass(slots=True)
class RestartPolicy:
    """When one process is started again.

    `exit_code` gives None while it runs; `start` may raise OSError.
    """

    name: str
    start: Callable[[], None]
    exit_code: Callable[[], int | None]
    now: Callable[[], float] = time.monotonic
    _since: float = field(default=0.0, init=False)
    _delay: float = field(default=FIRST_DELAY_S, init=False)
    _due: float | None = field(default=None, init=False)

    def start_now(self) -> None:
        """Start the process. Raises OSError."""
        self.start()
        self._since, self._due = self.now(), None

    def check(self, postponed: Postponed) -> bool:
        """Start the process if it has ended and its delay is over; whether it was started now."""
        code = self.exit_code()
        if code is None:
            return False
        if self._due is None:
            if self.now() - self._since >= HEALTHY_AFTER_S:
                self._delay = FIRST_DELAY_S
            self._postpone(f"{self.name} ended with code {code}", postponed)
        return self._due is not None and self.now() >= self._due and self._again(postponed)

    def wait(self) -> float | None:
        """Seconds until `check` can start the process again; None while it runs."""
        return None if self._due is None else max(0.0, self._due - self.now())

    def _again(self, postponed: Postponed) -> bool:
        try:
            self.start_now()
        except OSError as error:
            self._postpone(str(error), postponed)
            return False
        return True

    def _postpone(self, reason: str, postponed: Postponed) -> None:
        postponed(reason, self._delay)
        self._due = self.now() + self._delay
        self._delay = min(2 * self._delay, MAX_DELAY_S)
