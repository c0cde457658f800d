"""Metrics and lines of the check for leaked passwords."""

from typing import Any

from jubilee.adapters.telemetry.breaches import BreachTelemetry
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.domain.breaches import BreachCheckOutcome


def test_checks_are_counted_by_outcome_and_an_outage_is_logged_once() -> None:
    instruments, lines = Instruments("1"), list[tuple[str, dict[str, Any]]]()
    telemetry = BreachTelemetry(instruments, lambda event, **fields: lines.append((event, fields)))
    for _ in range(2):
        telemetry.breach_check_ended(BreachCheckOutcome.UNCHECKED)
        telemetry.breaches_unreadable("status 503, 0 bytes")
    counted = {
        outcome.value: instruments.registry.get_sample_value(
            "password_breach_checks_total", {"outcome": outcome.value}
        )
        for outcome in BreachCheckOutcome
    }
    assert counted == {"leaked": 0, "not_found": 0, "unchecked": 2}
    fields = {"level": "warning", "cause": "status 503, 0 bytes"}
    assert lines == [("passwords are not checked for leaks", fields)]
