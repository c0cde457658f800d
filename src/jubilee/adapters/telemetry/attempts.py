"""Metrics of attempts at passwords, and a log line when a lock begins or ends."""

from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.logs import WriteLine
from jubilee.domain.attempts.attempt import AttemptObserver, AttemptOutcome, LockEnd
from jubilee.domain.identity import UserId


class AttemptTelemetry(AttemptObserver):
    """Counts attempts and locks, and logs the locks."""

    def __init__(self, instruments: Instruments, write_line: WriteLine) -> None:
        """`write_line` writes a log line from an event and its fields."""
        self._attempts = instruments.password_attempts
        self._locks = instruments.account_locks
        self._write_line = write_line
        for outcome in AttemptOutcome:  # at 0 from the start, so that a first one is an increase
            self._attempts.labels(outcome.value)

    def attempt_ended(self, outcome: AttemptOutcome) -> None:
        self._attempts.labels(outcome.value).inc()

    def account_locked(self, user_id: UserId, seconds: int) -> None:
        self._locks.inc()
        self._write_line("account locked", level="warning", account=str(user_id), seconds=seconds)

    def account_unlocked(self, user_id: UserId, end: LockEnd) -> None:
        self._write_line("account lock ended", level="info", account=str(user_id), reason=end.value)

    def address_locked(self, address: str, seconds: int) -> None:
        self._write_line("address locked", level="warning", client=address, seconds=seconds)
