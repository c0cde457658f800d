"""Metrics of the check for leaked passwords, and a log line where it cannot be made."""

from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.logs import WriteLine
from jubilee.adapters.telemetry.stores import OutageLog
from jubilee.domain.breaches import BreachCheckOutcome, BreachObserver


class BreachTelemetry(BreachObserver):
    """Counts checks by their outcome, and logs an outage once and then every half minute."""

    def __init__(self, instruments: Instruments, write_line: WriteLine) -> None:
        """`write_line` writes a log line from an event and its fields."""
        self._checks = instruments.breach_checks
        self._outages = OutageLog(write_line, "passwords are not checked for leaks")
        for outcome in BreachCheckOutcome:  # at 0 from the start: a first one is an increase
            self._checks.labels(outcome.value)

    def breach_check_ended(self, outcome: BreachCheckOutcome) -> None:
        self._checks.labels(outcome.value).inc()

    def breaches_unreadable(self, cause: str) -> None:
        self._outages.failed(cause)
